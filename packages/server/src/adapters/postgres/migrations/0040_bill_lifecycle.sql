-- What happens to a bill once it is calculated.

ALTER TABLE bill
  -- The organization's prefix and the next number of its sequence; null without a prefix.
  ADD COLUMN invoice_number text,
  -- What the run that calculated it was asked for: asked again, it calculates this bill again.
  ADD COLUMN request jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN approved_at timestamptz,
  ADD COLUMN approved_by text,
  ADD COLUMN locked_at timestamptz,
  ADD COLUMN locked_by text,
  -- Nothing but the organization's lock date locks it: when that moves back, it is open again.
  ADD COLUMN is_locked_by_date boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT bill_locked_is_approved CHECK (NOT is_locked OR status = 'APPROVED'),
  ADD CONSTRAINT bill_locked_by_date_is_locked CHECK (NOT is_locked_by_date OR is_locked);

CREATE INDEX bill_pending ON bill (org_id, end_date) WHERE status = 'PENDING';
CREATE INDEX bill_of_date ON bill (org_id, bill_date, billing_frequency);

-- The last number given out; it only grows, so no number is used twice.
CREATE TABLE bill_sequence (
  org_id uuid PRIMARY KEY REFERENCES organization,
  last bigint NOT NULL
);

-- Lines of every bill, newest first.
CREATE INDEX bill_line_newest ON bill_line (org_id, id DESC);
CREATE INDEX bill_line_of_commitment ON bill_line (org_id, (line->>'commitmentId'), id DESC)
  WHERE line ? 'commitmentId';

-- Lines that somebody put on a bill by hand; every calculation of the bill adds them again.
CREATE TABLE bill_memo (
  org_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  line_item_type text NOT NULL CHECK (line_item_type IN ('CREDIT_MEMO', 'DEBIT_MEMO')),
  -- As the client wrote it.
  document jsonb NOT NULL,
  -- The engine's memo terms, decimals and instants as texts.
  memo jsonb NOT NULL,
  dt_created timestamptz NOT NULL,
  dt_last_modified timestamptz NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, bill_id, id),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill ON DELETE CASCADE
);

CREATE INDEX bill_memo_newest ON bill_memo (org_id, bill_id, dt_created DESC, id DESC);

-- When the organization's bills were last run on schedule.
CREATE TABLE bill_schedule (
  org_id uuid PRIMARY KEY REFERENCES organization,
  last_run_at timestamptz NOT NULL
);
