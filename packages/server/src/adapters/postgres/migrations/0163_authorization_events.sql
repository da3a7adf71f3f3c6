-- A threshold of a budget that was reached and usage that the usage store refuses are events; their rows are the only
-- records of them. Alerts and refusals from before have no time, and are no events.
ALTER TABLE budget_alert ADD COLUMN event_id uuid, ADD COLUMN at timestamptz;
ALTER TABLE budget_alert
  ALTER COLUMN event_id SET DEFAULT gen_random_uuid(), ALTER COLUMN at SET DEFAULT clock_timestamp();
CREATE INDEX budget_alert_as_event ON budget_alert (org_id, at DESC, event_id DESC) WHERE at IS NOT NULL;

ALTER TABLE usage_outbox ADD COLUMN event_id uuid, ADD COLUMN refused_at timestamptz;
CREATE INDEX usage_outbox_as_event ON usage_outbox (org_id, refused_at DESC, event_id DESC)
  WHERE refused_at IS NOT NULL;

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
  FROM integration_run WHERE status IN ('DISABLED', 'AUTH_FAILED', 'ERROR')
  UNION ALL
  SELECT org_id, event_id, at, 'authorization.budget.alert', NULL, NULL, NULL, NULL,
    jsonb_build_object('budgetId', budget_id, 'percent', percent,
      'windowStart', to_char(to_timestamp(window_start / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
  FROM budget_alert WHERE at IS NOT NULL
  UNION ALL
  SELECT org_id, event_id, refused_at, 'authorization.usage.refused', NULL, NULL, NULL, NULL,
    jsonb_build_object('reason', refusal, 'measurement', measurements::jsonb->0)
  FROM usage_outbox WHERE refused_at IS NOT NULL;
