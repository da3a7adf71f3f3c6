-- Files of lookup data are opened by signed links like all others, and read behind the upload.
ALTER TABLE lookup_job DROP COLUMN token, DROP COLUMN token_expires_at;
ALTER TABLE lookup_job ADD COLUMN content_length bigint;
-- What the file store calls a file that was uploaded, until its rows are in.
ALTER TABLE lookup_job ADD COLUMN stored_as text;
