-- A run of an integration that ended without reaching the other system is an event too; the run itself is the only record of it.
CREATE INDEX integration_run_as_event ON integration_run (org_id, dt_last_modified DESC, id DESC)
  WHERE status IN ('DISABLED', 'AUTH_FAILED', 'ERROR');

CREATE OR REPLACE VIEW event_feed AS
  SELECT org_id, change_event_id(sequence) AS id, at, NULL::text AS name, kind, action, record_id, before, after
  FROM change
  UNION ALL
  SELECT org_id, id, at, name, NULL, NULL, NULL, NULL, detail FROM event
  UNION ALL
  SELECT org_id, id, dt_last_modified,
    CASE status
      WHEN 'DISABLED' THEN 'integration.disabled.error'
      WHEN 'AUTH_FAILED' THEN 'integration.authentication.error'
      ELSE 'integration.perform.error'
    END,
    NULL, NULL, NULL, NULL,
    jsonb_strip_nulls(jsonb_build_object('id', id, 'entityType', entity_type, 'entityId', entity_id,
      'destination', destination, 'destinationId', destination_id, 'status', status,
      'error', log->-1->>'message', 'dtCreated', dt_created, 'dtLastModified', dt_last_modified))
  FROM integration_run WHERE status IN ('DISABLED', 'AUTH_FAILED', 'ERROR');
