-- What an account may do whatever it has: read with the row that every batch locks, so that it holds at once everywhere.
ALTER TABLE ledger_account
  ADD COLUMN is_frozen boolean NOT NULL DEFAULT false,
  -- The features that it is entitled to; null where none is withheld.
  ADD COLUMN features text[],
  ADD COLUMN blocks_free_on_debt boolean NOT NULL DEFAULT false;
