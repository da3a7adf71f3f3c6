-- Files of measurements: asked for, uploaded, and how far they have been ingested.
CREATE TABLE usage_upload (
  org_id uuid NOT NULL REFERENCES organization,
  id uuid NOT NULL,
  version bigint NOT NULL,
  file_name text NOT NULL,
  content_type text NOT NULL,
  content_length bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('notUploaded', 'running', 'failed', 'succeeded')),
  -- What the file store calls the file that was uploaded first; two uploads at once are two files.
  stored_as text CHECK ((stored_as IS NULL) = (status = 'notUploaded')),
  failure_reason text,
  total_rows bigint,
  -- In the transaction that writes the events of the rows that failed among them.
  processed_rows bigint NOT NULL DEFAULT 0,
  failed_rows bigint NOT NULL DEFAULT 0,
  -- Whether the rows after the processed ones may have been ingested by a run that was cut off.
  is_in_doubt boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE INDEX usage_upload_newest ON usage_upload (org_id, created_at DESC, id DESC);
