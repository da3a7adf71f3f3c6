-- The tenants, who may speak for them, and what they configured.

CREATE TABLE organization (
  id uuid PRIMARY KEY,
  created_at timestamptz NOT NULL
);

CREATE TABLE service_user (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organization,
  name text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE access_key (
  access_key text PRIMARY KEY,
  service_user_id uuid NOT NULL REFERENCES service_user ON DELETE CASCADE,
  -- scrypt of the secret; the secret itself is nowhere.
  secret_hash text NOT NULL,
  created_at timestamptz NOT NULL
);

-- What the installation made once for itself, such as the key that signs tokens.
CREATE TABLE installation (
  name text PRIMARY KEY,
  value text NOT NULL
);

-- One row per configured thing of any kind; `document` holds what the client wrote, defaults filled in.
CREATE TABLE record (
  org_id uuid NOT NULL REFERENCES organization,
  kind text NOT NULL,
  id uuid NOT NULL,
  -- The record it lives under, for collections such as a balance's schedules.
  parent_id uuid,
  code text,
  -- The code without regard to case and surrounding space, to find codes that people would take for the same.
  folded_code text,
  version bigint NOT NULL,
  document jsonb NOT NULL,
  dt_created timestamptz NOT NULL,
  dt_last_modified timestamptz NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, kind, id)
);

CREATE INDEX record_newest ON record (org_id, kind, dt_created DESC, id DESC);

CREATE INDEX record_of_parent ON record (org_id, kind, parent_id, dt_created DESC, id DESC)
  WHERE parent_id IS NOT NULL;

CREATE INDEX record_of_folded_code ON record (org_id, kind, folded_code)
  WHERE folded_code IS NOT NULL;

-- Values that no two records of a kind may share, such as codes.
CREATE TABLE unique_value (
  org_id uuid NOT NULL,
  kind text NOT NULL,
  field text NOT NULL,
  value text NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (org_id, kind, field, value),
  FOREIGN KEY (org_id, kind, id) REFERENCES record ON DELETE CASCADE
);

CREATE INDEX unique_value_of_record ON unique_value (org_id, kind, id);

-- One row per reference from one record to another: what is named exists, what is in use stays.
CREATE TABLE reference (
  org_id uuid NOT NULL,
  from_kind text NOT NULL,
  from_id uuid NOT NULL,
  field text NOT NULL,
  to_kind text NOT NULL,
  to_id uuid NOT NULL,
  PRIMARY KEY (org_id, from_kind, from_id, field, to_id),
  FOREIGN KEY (org_id, from_kind, from_id) REFERENCES record ON DELETE CASCADE,
  CONSTRAINT reference_target FOREIGN KEY (org_id, to_kind, to_id) REFERENCES record
);

CREATE INDEX reference_to ON reference (org_id, to_kind, to_id, from_kind, field);

-- Every change of a record, append-only: the audit log, and what events are made from.
CREATE TABLE change (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organization,
  at timestamptz NOT NULL,
  principal text NOT NULL,
  kind text NOT NULL,
  record_id uuid NOT NULL,
  action text NOT NULL CHECK (action IN ('created', 'updated', 'deleted')),
  before jsonb,
  after jsonb
);

CREATE INDEX change_of_organization ON change (org_id, sequence DESC);
