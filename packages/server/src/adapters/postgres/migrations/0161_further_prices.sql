-- What an authorization counts at the further prices of its meter, as JSON; null where there is one price only.
ALTER TABLE ledger_authorization ADD COLUMN further text;
