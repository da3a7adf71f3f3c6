-- Measurements that the usage store has by another uid than their own, which somebody else's has.
CREATE TABLE usage_renamed (
  org_id uuid NOT NULL,
  uid text NOT NULL,
  stored_as text NOT NULL,
  PRIMARY KEY (org_id, uid)
);
CREATE INDEX usage_renamed_stored_as ON usage_renamed (stored_as);
