-- Measurements that a refund has taken back and the usage store has not voided yet.
CREATE TABLE usage_void (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  org_id uuid NOT NULL,
  uid text NOT NULL,
  account text NOT NULL,
  occurred_at bigint NOT NULL,
  refund text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX usage_void_of_uid ON usage_void (org_id, uid);

-- What is counted further has budgets of its own.
UPDATE ledger_authorization SET further = (
  SELECT json_agg(use::jsonb || '{"unitCounters": []}') FROM json_array_elements(further::json) AS use
)::text WHERE further IS NOT NULL;
