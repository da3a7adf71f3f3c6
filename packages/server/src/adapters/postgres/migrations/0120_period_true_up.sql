-- What a period's usage was settled at is read from what settled it, by the true-up and by the bill alike.
ALTER TABLE usage_position DROP COLUMN debited, DROP COLUMN shortfall, DROP COLUMN is_closed;

CREATE VIEW usage_payment AS
  SELECT org_id, account, terms::json->'spender'->>'meter' AS meter, terms::json->'spender'->>'asset' AS asset,
    settled - refunded - shortfall AS debited, shortfall, occurred_at
  FROM ledger_authorization
  UNION ALL
  SELECT org_id, account, meter, asset, amount, 0, occurred_at FROM lease_spend;
