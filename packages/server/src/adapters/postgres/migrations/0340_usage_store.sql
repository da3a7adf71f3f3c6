-- The one usage store of the database, by its id: the server that has it meters and bills, all others only decide.
CREATE TABLE usage_store (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  id uuid NOT NULL
);
