-- What the database has heard of usage: a store that does not know it is an older copy of the one that has metered.
ALTER TABLE usage_store ADD COLUMN mark text;
