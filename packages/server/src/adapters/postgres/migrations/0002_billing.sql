-- Bill runs and what they produced.

CREATE TABLE bill_job (
  org_id uuid NOT NULL REFERENCES organization,
  id uuid NOT NULL,
  version bigint NOT NULL,
  type text NOT NULL CHECK (type IN ('CREATE', 'RECALCULATE')),
  status text NOT NULL CHECK (status IN ('PENDING', 'INITIALIZING', 'RUNNING', 'COMPLETE', 'CANCELLED')),
  -- What was asked for, as the contract read it.
  request jsonb NOT NULL,
  dt_created timestamptz NOT NULL,
  dt_last_modified timestamptz NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE INDEX bill_job_newest ON bill_job (org_id, dt_created DESC, id DESC);

-- The accounts of a run; a row is done in the transaction that wrote the account's bills, so a run that was
-- killed goes on where it stopped.
CREATE TABLE bill_job_account (
  org_id uuid NOT NULL,
  job_id uuid NOT NULL,
  account_id uuid NOT NULL,
  is_done boolean NOT NULL DEFAULT false,
  -- Why a bill of this account could not be made.
  failures jsonb NOT NULL DEFAULT '[]',
  PRIMARY KEY (org_id, job_id, account_id),
  FOREIGN KEY (org_id, job_id) REFERENCES bill_job ON DELETE CASCADE
);

CREATE TABLE bill (
  org_id uuid NOT NULL REFERENCES organization,
  id uuid NOT NULL,
  version bigint NOT NULL,
  account_kind text NOT NULL DEFAULT 'account' CHECK (account_kind = 'account'),
  account_id uuid NOT NULL,
  bill_date date NOT NULL,
  currency text NOT NULL,
  billing_frequency text NOT NULL,
  -- 0 where several intervals share the bill.
  billing_interval integer NOT NULL,
  status text NOT NULL CHECK (status IN ('PENDING', 'APPROVED')),
  is_locked boolean NOT NULL DEFAULT false,
  job_id uuid NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  -- The same two in the organization's zone; the end is exclusive.
  start_date date NOT NULL,
  end_date date NOT NULL,
  due_date date NOT NULL,
  external_invoice_date date NOT NULL,
  time_zone text NOT NULL,
  total numeric NOT NULL,
  last_calculated_at timestamptz NOT NULL,
  -- What the bill was calculated from; the same facts give the same bill, byte for byte.
  facts text NOT NULL,
  dt_created timestamptz NOT NULL,
  dt_last_modified timestamptz NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, id),
  -- What makes a second run update a bill instead of making another (m3ter semantics 18.6).
  UNIQUE (org_id, account_id, bill_date, currency, billing_frequency, billing_interval),
  CONSTRAINT bill_account FOREIGN KEY (org_id, account_kind, account_id) REFERENCES record
);

CREATE INDEX bill_newest ON bill (org_id, dt_created DESC, id DESC);
CREATE INDEX bill_of_account ON bill (org_id, account_id, bill_date DESC);
CREATE INDEX bill_of_job ON bill (org_id, job_id);

CREATE TABLE bill_line (
  org_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  id uuid NOT NULL,
  sequence_number integer NOT NULL,
  -- The same thing charged for the same period has the same key, run after run.
  key text NOT NULL,
  line_item_type text NOT NULL,
  converted_subtotal numeric NOT NULL,
  -- The line as the engine printed it, decimals as texts.
  line jsonb NOT NULL,
  PRIMARY KEY (org_id, bill_id, id),
  UNIQUE (org_id, bill_id, key),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill ON DELETE CASCADE
);
