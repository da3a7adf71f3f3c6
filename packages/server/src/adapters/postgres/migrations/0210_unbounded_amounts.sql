-- Amounts lose their precision: what a request may say reaches 30 digits of an asset of scale 18, quantities have twelve
-- digits more than the number that was sent, and sums have more than what they add up. A column without a bound takes them
-- all; to lift it rewrites no row.
DROP VIEW usage_payment;
DROP VIEW grant_standing;

-- A column that another is generated from keeps its type: that one is made anew.
ALTER TABLE ledger_grant DROP COLUMN is_open;
ALTER TABLE ledger_grant
  ALTER COLUMN amount TYPE numeric,
  ALTER COLUMN remaining TYPE numeric,
  ALTER COLUMN held TYPE numeric,
  ALTER COLUMN consumed TYPE numeric,
  ALTER COLUMN breakage TYPE numeric,
  ALTER COLUMN transferred TYPE numeric;
ALTER TABLE ledger_grant
  -- Whether it may still pay or be released to; a column, so that updates of remaining touch no index.
  ADD COLUMN is_open boolean GENERATED ALWAYS AS (state <> 'ended' AND remaining + held > 0) STORED;
CREATE INDEX ledger_grant_due ON ledger_grant (due_at) WHERE is_open AND due_at IS NOT NULL;

ALTER TABLE ledger_authorization
  ALTER COLUMN held TYPE numeric,
  ALTER COLUMN held_quantity TYPE numeric,
  ALTER COLUMN settled TYPE numeric,
  ALTER COLUMN settled_quantity TYPE numeric,
  ALTER COLUMN refunded TYPE numeric,
  ALTER COLUMN refunded_quantity TYPE numeric,
  ALTER COLUMN shortfall TYPE numeric,
  ALTER COLUMN debt TYPE numeric;

ALTER TABLE posting ALTER COLUMN amount TYPE numeric;

ALTER TABLE budget_counter
  ALTER COLUMN posted TYPE numeric,
  ALTER COLUMN held TYPE numeric;

ALTER TABLE budget_alert
  ALTER COLUMN used TYPE numeric,
  ALTER COLUMN "limit" TYPE numeric;

ALTER TABLE usage_position
  ALTER COLUMN posted TYPE numeric,
  ALTER COLUMN held TYPE numeric;

ALTER TABLE top_up ALTER COLUMN credit_amount TYPE numeric;

CREATE VIEW usage_payment AS
  SELECT org_id, account, terms::json->'spender'->>'meter' AS meter, terms::json->'spender'->>'asset' AS asset,
    settled - refunded - shortfall AS debited, shortfall, occurred_at
  FROM ledger_authorization;

CREATE VIEW grant_standing AS
  SELECT g.org_id, g.id, g.account, g.asset, g.amount, g.state, g.terms,
    CASE WHEN is_open THEN coalesce(own.remaining, 0) ELSE g.remaining END AS remaining,
    CASE WHEN is_open THEN coalesce(own.held, 0) ELSE g.held END AS held,
    CASE WHEN is_open THEN coalesce(own.consumed, 0) ELSE g.consumed END AS consumed,
    CASE WHEN is_open THEN coalesce(own.breakage, 0) ELSE g.breakage END AS breakage,
    CASE WHEN is_open THEN coalesce(own.transferred, 0) ELSE g.transferred END AS transferred
  FROM ledger_grant AS g
  LEFT JOIN LATERAL (
    SELECT open.* FROM ledger_account AS a
    CROSS JOIN LATERAL json_to_recordset(a.purse::json->'grants') AS open (id text, remaining numeric, held numeric,
      consumed numeric, breakage numeric, transferred numeric)
    WHERE g.is_open AND a.org_id = g.org_id AND a.account = g.account AND open.id = g.id
  ) AS own ON true;
