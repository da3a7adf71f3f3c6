-- Still JSON, but nobody asks the database about it while it is written: to check the syntax of what the server has
-- just printed was the largest single cost of a decision.
ALTER TABLE ledger_authorization
  ALTER COLUMN terms TYPE text,
  ALTER COLUMN legs TYPE text,
  ALTER COLUMN answer TYPE text;
