-- What a client spent of a lease is an authorization of its own: what reads payments reads those.
DROP VIEW usage_payment;
CREATE VIEW usage_payment AS
  SELECT org_id, account, terms::json->'spender'->>'meter' AS meter, terms::json->'spender'->>'asset' AS asset,
    settled - refunded - shortfall AS debited, shortfall, occurred_at
  FROM ledger_authorization;

DROP TABLE lease_spend;
