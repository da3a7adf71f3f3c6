-- Fields of records that nobody reads back, such as the secret of a webhook.
CREATE TABLE record_secret (
  org_id uuid NOT NULL,
  kind text NOT NULL,
  id uuid NOT NULL,
  document jsonb NOT NULL,
  PRIMARY KEY (org_id, kind, id),
  FOREIGN KEY (org_id, kind, id) REFERENCES record ON DELETE CASCADE
);

-- What lives under a record is found without knowing its kind, when the record goes.
DROP INDEX record_of_parent;
CREATE INDEX record_of_parent ON record (org_id, parent_id, kind, dt_created DESC, id DESC)
  WHERE parent_id IS NOT NULL;
