-- The grants and top-ups of one account are listed in the order of their ids. A charge writes neither, but where it uses up a
-- grant or starts a top-up. No index begins with the organization (docs/decisions/0019-plans-by-key.md).
CREATE INDEX ledger_grant_of_account ON ledger_grant (account, org_id, id);
CREATE INDEX top_up_of_account ON top_up (account, org_id, id);
