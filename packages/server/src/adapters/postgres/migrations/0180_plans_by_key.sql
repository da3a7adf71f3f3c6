-- A batch reads authorizations and grants by their keys. Where an organization has few of them by the average of all, or
-- nothing is known of the table yet, the planner took every row of the organization through an index that begins with
-- it, and compared each with each key: right for the average, ruinous for the one that has most of the rows.

-- Begins with the account, so that of all rows the primary key is the only index that begins with the organization.
DROP INDEX ledger_authorization_occurred;
CREATE INDEX ledger_authorization_occurred ON ledger_authorization (account, org_id, occurred_at);

-- One organization may have all of the rows: the planner is told, as it cannot know whose the keys of a plan will be.
ALTER TABLE ledger_authorization ALTER COLUMN org_id SET (n_distinct = 1);
ALTER TABLE ledger_grant ALTER COLUMN org_id SET (n_distinct = 1);
ANALYZE ledger_authorization, ledger_grant;
