-- Nobody asks for a posting by its number alone: the account's index holds the numbers in order, and an index less is an
-- entry less for each posting.
ALTER TABLE posting DROP CONSTRAINT posting_pkey;
