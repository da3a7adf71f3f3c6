-- What an account holds is one text in the row that every batch locks: its wallet accounts and the grants that may still
-- pay (docs/decisions/0023-one-row-per-account.md). A decision then locks, reads and writes one row of its account.
ALTER TABLE ledger_account
  -- JSON: {"walletAccounts": [...], "grants": [...]}; what is zero may be left out.
  ADD COLUMN purse text,
  -- Whether the purse has a wallet account; a column, so that updates of the purse touch no index.
  ADD COLUMN has_wallet boolean NOT NULL DEFAULT false,
  SET (fillfactor = 70);

UPDATE ledger_account AS a SET
  has_wallet = EXISTS (SELECT FROM wallet_account AS w WHERE w.org_id = a.org_id AND w.account = a.account),
  purse = json_build_object(
    'walletAccounts', (
      SELECT coalesce(json_agg(json_build_object('asset', asset, 'credited', credited::text, 'debited', debited::text,
        'held', held::text, 'debt', debt::text, 'debtLimit', debt_limit::text, 'mode', mode, 'seenAt', seen_at)), '[]')
      FROM wallet_account AS w WHERE w.org_id = a.org_id AND w.account = a.account),
    'grants', (
      SELECT coalesce(json_agg(json_build_object('id', id, 'asset', asset, 'state', state, 'remaining', remaining::text,
        'held', held::text, 'consumed', consumed::text, 'breakage', breakage::text,
        'transferred', transferred::text, 'terms', terms)), '[]')
      FROM ledger_grant AS g WHERE g.org_id = a.org_id AND g.account = a.account AND g.is_open)
  )::text;

CREATE INDEX ledger_account_with_wallet ON ledger_account (org_id, account) WHERE has_wallet;

DROP TABLE wallet_account;

-- To be read as before.
CREATE VIEW wallet_account AS
  SELECT org_id, account, asset, coalesce(credited, 0) AS credited, coalesce(debited, 0) AS debited,
    coalesce(held, 0) AS held, coalesce(debt, 0) AS debt, coalesce("debtLimit", 0) AS debt_limit, mode,
    "seenAt" AS seen_at
  FROM ledger_account
  CROSS JOIN LATERAL json_to_recordset(purse::json->'walletAccounts') AS own (asset text, credited numeric,
    debited numeric, held numeric, debt numeric, "debtLimit" numeric, mode text, "seenAt" bigint)
  WHERE has_wallet;

-- The row of a grant says what it came to when it was last opened, ended or used up; while it is open, the purse does.
DROP INDEX ledger_grant_open;

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
