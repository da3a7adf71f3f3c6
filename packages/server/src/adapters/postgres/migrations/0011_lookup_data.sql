-- The rows of lookup table revisions: too many and too small to be records of their own.

-- One row per revision that has data: its data's version and who wrote it last.
CREATE TABLE lookup_data (
  org_id uuid NOT NULL,
  kind text NOT NULL DEFAULT 'lookupTableRevision',
  revision_id uuid NOT NULL,
  version bigint NOT NULL,
  dt_created timestamptz NOT NULL,
  dt_last_modified timestamptz NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, revision_id),
  FOREIGN KEY (org_id, kind, revision_id) REFERENCES record ON DELETE CASCADE
);

CREATE TABLE lookup_item (
  org_id uuid NOT NULL,
  revision_id uuid NOT NULL,
  -- The values of the key fields as JSON texts, in the order of the schema.
  lookup_key text NOT NULL,
  item jsonb NOT NULL,
  PRIMARY KEY (org_id, revision_id, lookup_key),
  FOREIGN KEY (org_id, revision_id) REFERENCES lookup_data ON DELETE CASCADE
);

-- Copies, uploads and downloads of data. A token opens the file's URL until it expires.
CREATE TABLE lookup_job (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL DEFAULT 'lookupTableRevision',
  revision_id uuid NOT NULL,
  table_id uuid NOT NULL,
  destination_id uuid,
  type text NOT NULL CHECK (type IN ('COPY', 'UPLOAD', 'DOWNLOAD', 'ARCHIVE')),
  status text NOT NULL CHECK (status IN ('PENDING', 'FAILED', 'SUCCEEDED')),
  file_name text,
  content_type text,
  failure_reason text,
  version bigint NOT NULL,
  -- The version of the data that an upload replaces.
  data_version bigint,
  job_date timestamptz NOT NULL,
  token text UNIQUE,
  token_expires_at timestamptz,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, kind, revision_id) REFERENCES record ON DELETE CASCADE
);

CREATE INDEX lookup_job_newest ON lookup_job (org_id, revision_id, job_date DESC, id DESC);
