-- The parts of an authorization are found as a range of their ids, which only an order by bytes can give.
ALTER TABLE ledger_decision ALTER COLUMN id TYPE text COLLATE "C";
