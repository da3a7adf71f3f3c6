-- What is in a secret is readable only with a key that is not in the database. Nothing could read what stood here in the open
-- under a seal, so it is given again.
DROP TABLE record_secret;

CREATE TABLE record_secret (
  org_id uuid NOT NULL,
  kind text NOT NULL,
  id uuid NOT NULL,
  -- Which key sealed it.
  key_id text NOT NULL,
  -- AES-256-GCM: nonce, tag, text.
  sealed bytea NOT NULL,
  PRIMARY KEY (org_id, kind, id),
  FOREIGN KEY (org_id, kind, id) REFERENCES record ON DELETE CASCADE
);
