-- Lists and searches name codes as they were given.
CREATE INDEX record_of_code ON record (org_id, kind, code) WHERE code IS NOT NULL;
