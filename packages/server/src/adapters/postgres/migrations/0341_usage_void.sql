-- A void is waited for however old it is: the one usage store has the measurement, or nobody.
ALTER TABLE usage_void DROP COLUMN decided_at;
