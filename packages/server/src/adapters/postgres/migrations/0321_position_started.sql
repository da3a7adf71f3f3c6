-- Whether a position was begun is said by what is posted at it.
ALTER TABLE usage_position DROP COLUMN is_started;
