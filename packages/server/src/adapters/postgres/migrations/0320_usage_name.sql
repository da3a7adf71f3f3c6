-- What measurements of the ledger are called: how it delivers them, and by what the usage store has them. Only those that
-- have another name somewhere; two tables said one half of it each.
CREATE TABLE usage_name (
  org_id uuid NOT NULL,
  uid text NOT NULL,
  -- Of a part of an authorization whose own name is too long to be a uid.
  part text,
  -- The same uid, unless somebody else's measurement has that.
  stored_as text NOT NULL,
  PRIMARY KEY (org_id, uid)
);
CREATE INDEX usage_name_stored_as ON usage_name (stored_as);

INSERT INTO usage_name (org_id, uid, part, stored_as)
  SELECT org_id, uid, part, coalesce(stored_as, uid)
  FROM usage_shortened FULL JOIN usage_renamed USING (org_id, uid);

DROP TABLE usage_renamed;
DROP TABLE usage_shortened;
