-- When payments were decided, which is not the order in which their usage occurred: what comes back does so in reverse.
CREATE OR REPLACE VIEW usage_payment AS
  SELECT org_id, account, terms::json->'spender'->>'meter' AS meter, terms::json->'spender'->>'asset' AS asset,
    settled - refunded - shortfall AS debited, shortfall, occurred_at, id, state,
    terms::json->>'priceVersion' IS NOT NULL OR terms::json->>'fingerprint' = 'true-up' AS is_for_plan,
    substring(terms::json->>'position' FROM '/(.*)$') AS plan_owner,
    (terms::json->>'authorizedAt')::bigint AS authorized_at
  FROM ledger_authorization;
