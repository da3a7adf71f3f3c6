-- Service users are records like any other configured thing, so that they have versions and an audit trail.
DROP TABLE access_key;
DROP TABLE service_user;

CREATE TABLE access_key (
  access_key text PRIMARY KEY,
  org_id uuid NOT NULL,
  service_user_kind text NOT NULL DEFAULT 'serviceUser' CHECK (service_user_kind = 'serviceUser'),
  service_user_id uuid NOT NULL,
  -- The key's own id in the audit log; never the key itself, which names who calls.
  id uuid NOT NULL UNIQUE,
  -- scrypt of the secret; the secret itself is nowhere.
  secret_hash text NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  FOREIGN KEY (org_id, service_user_kind, service_user_id) REFERENCES record ON DELETE CASCADE
);

CREATE INDEX access_key_of_service_user ON access_key (org_id, service_user_id);

-- Which policies are attached to whom.
CREATE TABLE principal_permission (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  policy_kind text NOT NULL DEFAULT 'permissionPolicy' CHECK (policy_kind = 'permissionPolicy'),
  policy_id uuid NOT NULL,
  principal_type text NOT NULL
    CHECK (principal_type IN ('USER', 'USERGROUP', 'SERVICEUSER', 'SUPPORTUSERS')),
  -- Empty for support users, who are meant all together.
  principal_id text NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (org_id, principal_type, principal_id, policy_id),
  FOREIGN KEY (org_id, policy_kind, policy_id) REFERENCES record
);

CREATE INDEX principal_permission_of_policy ON principal_permission (org_id, policy_id);

-- The groups that hold an item, for statements that speak of groups.
CREATE INDEX resource_group_item_target ON record (org_id, (document->>'targetId'))
  WHERE kind = 'resourceGroupItem';
