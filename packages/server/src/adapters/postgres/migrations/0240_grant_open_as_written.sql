-- Whether a grant is open is more than its row alone can say: what its rollover leaves at least is due at its end, however
-- much of it was used. The ledger has the rule (packages/server/src/authorization/purse.ts) and writes what follows from it.
ALTER TABLE ledger_grant
  ALTER COLUMN is_open DROP EXPRESSION IF EXISTS,
  ALTER COLUMN is_open SET NOT NULL;
