-- Parts of authorizations whose names are too long for the usage store, and what they are named there.
CREATE TABLE usage_shortened (
  org_id uuid NOT NULL,
  uid text NOT NULL,
  part text NOT NULL,
  PRIMARY KEY (org_id, uid)
);
