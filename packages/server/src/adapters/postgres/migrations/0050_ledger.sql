-- The rows of authorization (docs/decisions/0004-authorization-rows.md). Atoms are numeric(38), times epoch milliseconds.

-- One row per account that the ledger knows: what a batch locks first.
CREATE TABLE ledger_account (
  org_id uuid NOT NULL REFERENCES organization,
  account text NOT NULL,
  PRIMARY KEY (org_id, account)
);

CREATE TABLE wallet_account (
  org_id uuid NOT NULL,
  account text NOT NULL,
  asset text NOT NULL,
  credited numeric(38) NOT NULL,
  debited numeric(38) NOT NULL,
  held numeric(38) NOT NULL CHECK (held >= 0),
  debt numeric(38) NOT NULL CHECK (debt >= 0),
  debt_limit numeric(38) NOT NULL,
  mode text NOT NULL CHECK (mode IN ('hard', 'soft')),
  seen_at bigint NOT NULL,
  PRIMARY KEY (org_id, account, asset),
  FOREIGN KEY (org_id, account) REFERENCES ledger_account,
  CONSTRAINT wallet_account_not_overspent CHECK (credited - debited - held >= 0),
  CONSTRAINT wallet_account_within_debt_limit CHECK (debt <= debt_limit)
) WITH (fillfactor = 70);

CREATE TABLE ledger_grant (
  org_id uuid NOT NULL,
  id text NOT NULL,
  account text NOT NULL,
  asset text NOT NULL,
  amount numeric(38) NOT NULL,
  state text NOT NULL CHECK (state IN ('scheduled', 'active', 'ended')),
  remaining numeric(38) NOT NULL CHECK (remaining >= 0),
  held numeric(38) NOT NULL CHECK (held >= 0),
  consumed numeric(38) NOT NULL CHECK (consumed >= 0),
  breakage numeric(38) NOT NULL CHECK (breakage >= 0),
  transferred numeric(38) NOT NULL CHECK (transferred >= 0),
  -- When the sweep has to touch it next: its effective time while scheduled, its expiry while active.
  due_at bigint,
  -- Whether it may still pay or be released to; a column, so that updates of remaining touch no index.
  is_open boolean GENERATED ALWAYS AS (state <> 'ended' AND remaining + held > 0) STORED,
  -- Priority, restriction, expiry and the rest of GrantTerms: written once.
  terms json NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, account) REFERENCES ledger_account,
  CONSTRAINT ledger_grant_adds_up CHECK (amount = remaining + held + consumed + breakage + transferred)
) WITH (fillfactor = 70);

-- What may still pay; a grant leaves the index when it has ended or is used up and unheld.
CREATE INDEX ledger_grant_open ON ledger_grant (org_id, account) WHERE is_open;
CREATE INDEX ledger_grant_due ON ledger_grant (due_at) WHERE is_open AND due_at IS NOT NULL;

CREATE TABLE ledger_authorization (
  org_id uuid NOT NULL,
  id text NOT NULL,
  account text NOT NULL,
  state text NOT NULL CHECK (state IN ('DENIED', 'HELD', 'SETTLED', 'VOIDED', 'EXPIRED', 'SETTLED_LATE')),
  -- Spender, policies, times, counters and the fingerprint of the request: written once.
  terms json NOT NULL,
  held numeric(38) NOT NULL CHECK (held >= 0),
  held_quantity numeric(38) NOT NULL,
  settled numeric(38) NOT NULL,
  settled_quantity numeric(38) NOT NULL,
  refunded numeric(38) NOT NULL,
  refunded_quantity numeric(38) NOT NULL,
  shortfall numeric(38) NOT NULL,
  debt numeric(38) NOT NULL,
  -- Which wallet accounts and grants pay: read and written only together with the row.
  legs json NOT NULL,
  valid_until bigint,
  -- The first answer, as it was given.
  answer json NOT NULL,
  -- When the usage occurred: which period's bill the debit belongs to.
  occurred_at bigint NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT ledger_authorization_refunds CHECK (refunded BETWEEN 0 AND settled),
  CONSTRAINT ledger_authorization_ended CHECK (state = 'HELD' OR held = 0)
) WITH (fillfactor = 80);

CREATE INDEX ledger_authorization_held ON ledger_authorization (org_id, account, valid_until)
  WHERE state = 'HELD';
CREATE INDEX ledger_authorization_due ON ledger_authorization (valid_until) WHERE state = 'HELD';
CREATE INDEX ledger_authorization_occurred ON ledger_authorization (org_id, account, occurred_at);

-- The answers to everything but first requests, so that a retry finds what was answered.
CREATE TABLE ledger_decision (
  org_id uuid NOT NULL,
  id text NOT NULL,
  fingerprint text NOT NULL,
  outcome json NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (org_id, id)
);

-- What moves between which books is the engine's table of movements (ledger/book.ts), by kind.
CREATE TABLE posting (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  org_id uuid NOT NULL,
  transaction text NOT NULL,
  kind text NOT NULL,
  asset text NOT NULL,
  account text,
  grant_id text,
  authorization_id text,
  amount numeric(38) NOT NULL CHECK (amount > 0),
  at bigint NOT NULL
);

CREATE INDEX posting_of_account ON posting (org_id, account, sequence DESC);

CREATE TABLE budget_counter (
  org_id uuid NOT NULL,
  budget_id text NOT NULL,
  window_start bigint NOT NULL,
  posted numeric(38) NOT NULL,
  held numeric(38) NOT NULL CHECK (held >= 0),
  alerted integer NOT NULL,
  PRIMARY KEY (org_id, budget_id, window_start)
) WITH (fillfactor = 70);

CREATE TABLE rate_bucket (
  org_id uuid NOT NULL,
  rate_limit_id text NOT NULL,
  full_at_ns numeric(38) NOT NULL,
  slots json NOT NULL,
  PRIMARY KEY (org_id, rate_limit_id)
) WITH (fillfactor = 70);

CREATE TABLE concurrency_count (
  org_id uuid NOT NULL,
  concurrency_limit_id text NOT NULL,
  held integer NOT NULL CHECK (held >= 0),
  PRIMARY KEY (org_id, concurrency_limit_id)
) WITH (fillfactor = 70);

CREATE TABLE usage_position (
  org_id uuid NOT NULL,
  id text NOT NULL,
  posted numeric(38) NOT NULL,
  held numeric(38) NOT NULL CHECK (held >= 0),
  is_started boolean NOT NULL,
  debited numeric(38) NOT NULL,
  shortfall numeric(38) NOT NULL,
  is_closed boolean NOT NULL,
  PRIMARY KEY (org_id, id)
) WITH (fillfactor = 70);

-- A price as it was when an authorization was made: a hold settles at it, whatever the plan says by then.
CREATE TABLE price_version (
  org_id uuid NOT NULL,
  version text NOT NULL,
  price json NOT NULL,
  PRIMARY KEY (org_id, version)
);

CREATE TABLE top_up (
  org_id uuid NOT NULL,
  id text NOT NULL,
  account text NOT NULL,
  asset text NOT NULL,
  credit_amount numeric(38) NOT NULL CHECK (credit_amount > 0),
  charge_amount text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'credited', 'failed')),
  rule_id text,
  payment text,
  -- Whether the payment provider has been asked.
  is_requested boolean NOT NULL DEFAULT false,
  PRIMARY KEY (org_id, id)
);

CREATE INDEX top_up_pending ON top_up (org_id, account) WHERE state = 'pending';
CREATE INDEX top_up_unrequested ON top_up (org_id, id) WHERE state = 'pending' AND NOT is_requested;

-- I25 by the database too: a payment is credited once, a rule has one top-up in flight.
CREATE UNIQUE INDEX top_up_payment ON top_up (org_id, payment) WHERE state = 'credited';
CREATE UNIQUE INDEX top_up_in_flight ON top_up (org_id, rule_id)
  WHERE state = 'pending' AND rule_id IS NOT NULL;

-- How far a configured automatic top-up has come; what it does is its record.
CREATE TABLE top_up_rule (
  org_id uuid NOT NULL,
  id text NOT NULL,
  payment_method text NOT NULL,
  in_flight text,
  started_at json NOT NULL,
  failures integer NOT NULL,
  is_suspended boolean NOT NULL,
  PRIMARY KEY (org_id, id)
);

-- Usage that the relay has still to deliver; a row goes once the usage store has acknowledged its uid.
CREATE TABLE usage_outbox (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  org_id uuid NOT NULL,
  id text NOT NULL,
  measurement json NOT NULL,
  -- Why the usage store refuses it: an operator has to look, nothing is lost.
  refusal text,
  UNIQUE (org_id, id)
);

CREATE TABLE budget_alert (
  org_id uuid NOT NULL,
  budget_id text NOT NULL,
  window_start bigint NOT NULL,
  percent integer NOT NULL,
  used numeric(38) NOT NULL,
  "limit" numeric(38) NOT NULL,
  PRIMARY KEY (org_id, budget_id, window_start, percent)
);

-- What clients spent of leases, by meter: a lease itself is of no meter, and a bill asks what each one's usage was paid.
CREATE TABLE lease_spend (
  org_id uuid NOT NULL,
  id text NOT NULL,
  account text NOT NULL,
  meter text NOT NULL,
  asset text NOT NULL,
  -- Paid by the wallet, debt included.
  amount numeric(38) NOT NULL,
  occurred_at bigint NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE INDEX lease_spend_occurred ON lease_spend (org_id, account, occurred_at);
