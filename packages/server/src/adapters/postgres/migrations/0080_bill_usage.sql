-- What a bill was measured from, so that a later run can tell whether it would be measured alike.

-- The usage store's mark from before the usage was read; without one the bill is measured again at every run.
ALTER TABLE bill ADD COLUMN usage_mark text;
-- The windows of accounts that were read, by meter.
ALTER TABLE bill ADD COLUMN usage_reach jsonb;
