-- Every occasion to send an entity to another system, and how it went; it outlives the configuration that asked for it.
CREATE TABLE integration_run (
  org_id uuid NOT NULL REFERENCES organization,
  id uuid NOT NULL,
  version bigint NOT NULL,
  config_id uuid NOT NULL,
  entity_type text NOT NULL,
  entity_id text NOT NULL,
  destination text NOT NULL,
  destination_id text,
  status text NOT NULL CHECK (status IN ('WAITING', 'STARTED', 'COMPLETE', 'ERROR', 'AWAITING_RETRY', 'AUTH_FAILED',
    'ACCOUNTING_PERIOD_CLOSED', 'INVOICE_ALREADY_PAID', 'DISABLED', 'TIMEOUT_LIMIT_EXCEEDED', 'RATE_LIMIT_RETRY')),
  -- What happened when, oldest first: {at, message}.
  log jsonb NOT NULL,
  dt_created timestamptz NOT NULL,
  dt_last_modified timestamptz NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE INDEX integration_run_of_entity ON integration_run (org_id, entity_type, entity_id, dt_created DESC, id DESC);
CREATE INDEX integration_run_of_destination ON integration_run (org_id, destination_id, dt_created DESC, id DESC);
