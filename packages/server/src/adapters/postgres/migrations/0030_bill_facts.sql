-- What a bill took and what it put right, so that the next one knows.

ALTER TABLE bill ADD COLUMN group_key text NOT NULL DEFAULT '';
ALTER TABLE bill ALTER COLUMN group_key DROP DEFAULT;

-- One bill per account, date, currency and group: its frequency and interval unless consolidated, and its
-- contract's grouping key (m3ter semantics 18.6).
DO $$
BEGIN
  EXECUTE (
    SELECT format('ALTER TABLE bill DROP CONSTRAINT %I', conname) FROM pg_constraint
    WHERE conrelid = 'bill'::regclass AND contype = 'u'
  );
END $$;
ALTER TABLE bill ADD CONSTRAINT bill_identity UNIQUE (org_id, account_id, bill_date, currency, group_key);

-- Lines that charged something in advance, to be settled by a later bill.
CREATE INDEX bill_line_of_advance_key ON bill_line (org_id, key)
  WHERE line_item_type IN ('STANDING_CHARGE', 'MINIMUM_SPEND');

-- What each bill took from commitments and balances; below zero where a correction gave something back.
CREATE TABLE bill_draw_down (
  org_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  line_key text NOT NULL,
  credit_kind text NOT NULL CHECK (credit_kind IN ('COMMITMENT', 'BALANCE')),
  credit_id uuid NOT NULL,
  -- In the credit's currency.
  amount numeric NOT NULL,
  -- The service period that was paid for.
  drawn_from timestamptz NOT NULL,
  drawn_to timestamptz NOT NULL,
  PRIMARY KEY (org_id, bill_id, line_key),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill ON DELETE CASCADE
);

CREATE INDEX bill_draw_down_of_credit ON bill_draw_down (org_id, credit_id);

-- Which approved bill's line a later bill puts right, and by how much.
CREATE TABLE bill_correction (
  org_id uuid NOT NULL,
  -- The bill that carries the correction.
  bill_id uuid NOT NULL,
  key text NOT NULL,
  corrected_bill_id uuid NOT NULL,
  -- The engine's correction, decimals and instants as texts.
  correction jsonb NOT NULL,
  PRIMARY KEY (org_id, bill_id, key),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill ON DELETE CASCADE,
  FOREIGN KEY (org_id, corrected_bill_id) REFERENCES bill ON DELETE CASCADE
);

CREATE INDEX bill_correction_of_bill ON bill_correction (org_id, corrected_bill_id);
