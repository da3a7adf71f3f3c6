-- One row holds the measurements of a whole batch of decisions, in order: a JSON array as the usage store takes it. The
-- usage store knows a measurement by its uid; here it needs no name. Text is stored as it comes, neither checked nor
-- compressed: it is gone in a moment.
ALTER TABLE usage_outbox DROP COLUMN id;
ALTER TABLE usage_outbox RENAME COLUMN measurement TO measurements;
ALTER TABLE usage_outbox ADD COLUMN count integer NOT NULL DEFAULT 1 CHECK (count > 0);
ALTER TABLE usage_outbox ALTER COLUMN count DROP DEFAULT;
ALTER TABLE usage_outbox ALTER COLUMN measurements TYPE text USING json_build_array(measurements)::text;
ALTER TABLE usage_outbox ALTER COLUMN measurements SET STORAGE EXTERNAL;
