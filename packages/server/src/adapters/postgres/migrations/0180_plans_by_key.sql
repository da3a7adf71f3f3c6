-- A batch reads authorizations and grants by their keys. Where an organization has few of them by the average of all, or
-- nothing is known of the table yet, the planner took every row of the organization through an index that begins with
-- it, and compared each with each key: right for the average, ruinous for the one that has most of the rows.

-- Begins with the account, so that the primary key is the only index that begins with the organization.
DROP INDEX ledger_authorization_occurred;
CREATE INDEX ledger_authorization_occurred ON ledger_authorization (account, org_id, occurred_at);

-- Two indexes of grants begin with the organization: one organization may have them all, the planner is told.
ALTER TABLE ledger_grant ALTER COLUMN org_id SET (n_distinct = 1);
ANALYZE ledger_grant;
