-- The usage behind bills, as files to download.

CREATE TABLE statement_job (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  bill_id uuid NOT NULL,
  status text NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'COMPLETE', 'CANCELLED', 'FAILED')),
  includes_csv boolean NOT NULL,
  -- The only meters whose usage it shows; empty for all.
  meter_ids jsonb NOT NULL DEFAULT '[]',
  dt_created timestamptz NOT NULL,
  dt_last_modified timestamptz NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill ON DELETE CASCADE
);

CREATE INDEX statement_job_newest ON statement_job (org_id, dt_created DESC, id DESC);
CREATE INDEX statement_job_of_bill ON statement_job (org_id, bill_id, dt_created DESC, id DESC);

-- The latest file of each format of a bill.
CREATE TABLE statement (
  org_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  format text NOT NULL CHECK (format IN ('JSON', 'CSV')),
  -- The job that made it; null when it was made while the client waited.
  job_id uuid,
  -- The bill was calculated again since.
  is_stale boolean NOT NULL DEFAULT false,
  body text NOT NULL,
  made_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, bill_id, format),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill ON DELETE CASCADE
);
