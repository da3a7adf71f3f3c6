-- The keys that sign tokens and links are readable only with a key that is not in the database. Those that stood here in the
-- open are not kept: tokens and links of before end with them.
DROP TABLE installation;

-- What the installation made once for itself.
CREATE TABLE installation (
  name text PRIMARY KEY,
  -- Which key sealed it.
  key_id text NOT NULL,
  -- AES-256-GCM: nonce, tag, text.
  sealed bytea NOT NULL
);
