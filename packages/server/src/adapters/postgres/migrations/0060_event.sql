-- What happened that is no change of a record, such as measurements that could not be stored. Kept for 28 days.
CREATE TABLE event (
  org_id uuid NOT NULL REFERENCES organization,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  name text NOT NULL,
  detail jsonb NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE INDEX event_newest ON event (org_id, at DESC, id DESC);
CREATE INDEX event_oldest ON event (at);

-- The measurements that an event speaks of: text, because what clients send may hold what jsonb cannot.
CREATE TABLE failed_ingest (
  org_id uuid NOT NULL,
  event_id uuid NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (org_id, event_id),
  FOREIGN KEY (org_id, event_id) REFERENCES event ON DELETE CASCADE
);

-- A change is an event too; its id says which, so that events need no second copy of the audit log.
CREATE FUNCTION change_event_id(sequence bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN ('00000000-0000-8000-8000-' || lpad(to_hex(sequence), 12, '0'))::uuid;

CREATE INDEX change_as_event ON change (org_id, at DESC, change_event_id(sequence) DESC);

CREATE VIEW event_feed AS
  SELECT org_id, change_event_id(sequence) AS id, at, NULL::text AS name, kind, action, record_id, before, after
  FROM change
  UNION ALL
  SELECT org_id, id, at, name, NULL, NULL, NULL, NULL, detail FROM event;
