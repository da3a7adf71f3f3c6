-- What every decision writes is checked where it is made (docs/decisions/0023-one-row-per-account.md): PostgreSQL reads and
-- compiles the text of a CHECK anew for each statement, and asks a foreign key about each row that did not change its key.
ALTER TABLE ledger_authorization
  DROP CONSTRAINT ledger_authorization_state_check,
  DROP CONSTRAINT ledger_authorization_held_check,
  DROP CONSTRAINT ledger_authorization_refunds,
  DROP CONSTRAINT ledger_authorization_ended;
ALTER TABLE posting DROP CONSTRAINT posting_amount_check;
ALTER TABLE ledger_grant DROP CONSTRAINT ledger_grant_org_id_account_fkey;
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_org_id_fkey;

-- The organization comes last: nearly all keys of an index have the same, and each comparison would begin with it. No index
-- of all authorizations begins with it then, so that no statistics make a batch read all of them to find some by key.
ALTER TABLE ledger_authorization DROP CONSTRAINT ledger_authorization_pkey, ADD PRIMARY KEY (id, org_id);
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_pkey, ADD PRIMARY KEY (account, org_id);
ALTER TABLE ledger_authorization ALTER COLUMN org_id RESET (n_distinct);
DROP INDEX posting_of_account;
CREATE INDEX posting_of_account ON posting (account, org_id, sequence DESC);
