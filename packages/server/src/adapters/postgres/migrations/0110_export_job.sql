-- Exports that were asked for, and the file that each made.
CREATE TABLE export_job (
  org_id uuid NOT NULL REFERENCES organization,
  id uuid NOT NULL,
  version bigint NOT NULL,
  -- Of an export that a schedule asked for.
  schedule_id uuid,
  status text NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED')),
  request jsonb NOT NULL,
  -- What the file store calls the file; it is kept for a day.
  stored_as text,
  failure_reason text CHECK ((failure_reason IS NULL) = (status <> 'FAILED')),
  dt_created timestamptz NOT NULL,
  started_at timestamptz,
  finished_at timestamptz,
  created_by text NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE INDEX export_job_newest ON export_job (org_id, dt_created DESC, id DESC);
CREATE INDEX export_job_file ON export_job (finished_at) WHERE stored_as IS NOT NULL;
