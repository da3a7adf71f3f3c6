-- One row holds the measurements of a whole batch of decisions, in order, as the usage store takes them. The usage
-- store knows a measurement by its uid; here it needs no name.
ALTER TABLE usage_outbox DROP COLUMN id;
ALTER TABLE usage_outbox RENAME COLUMN measurement TO measurements;
ALTER TABLE usage_outbox ADD COLUMN count integer NOT NULL DEFAULT 1 CHECK (count > 0);
UPDATE usage_outbox SET measurements = json_build_array(measurements);
ALTER TABLE usage_outbox ALTER COLUMN count DROP DEFAULT;
