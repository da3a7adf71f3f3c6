-- Which payments were charged for a plan: at its price, in a version that is kept, or when a bill was made (the fingerprint of
-- a true-up). And whose plan it was: a child pays for its parent's at the parent's position, which ends with its code.
CREATE OR REPLACE VIEW usage_payment AS
  SELECT org_id, account, terms::json->'spender'->>'meter' AS meter, terms::json->'spender'->>'asset' AS asset,
    settled - refunded - shortfall AS debited, shortfall, occurred_at, id, state,
    terms::json->>'priceVersion' IS NOT NULL OR terms::json->>'fingerprint' = 'true-up' AS is_for_plan,
    substring(terms::json->>'position' FROM '/(.*)$') AS plan_owner
  FROM ledger_authorization;

-- Plans that accounts had, and that were taken away again.
CREATE INDEX change_removed_account_plan ON change (org_id, (before->>'accountId'))
  WHERE kind = 'accountPlan' AND action = 'deleted';
