-- The records that authorizations and grants name: the catalog keeps them, and their codes.
CREATE TABLE ledger_record (
  org_id uuid NOT NULL,
  kind text NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (id, kind, org_id)
);
INSERT INTO ledger_record (org_id, kind, id) SELECT org_id, 'meter', meter_id FROM ledger_meter;
DROP TABLE ledger_meter;
-- Which assets authorizations are in, no index tells: all that may be.
INSERT INTO ledger_record (org_id, kind, id)
  SELECT org_id, kind, id FROM record
  WHERE kind = 'asset' AND EXISTS (SELECT FROM ledger_account WHERE ledger_account.org_id = record.org_id);
INSERT INTO ledger_record (org_id, kind, id)
  SELECT record.org_id, record.kind, record.id
  FROM ledger_grant
  CROSS JOIN LATERAL (
    SELECT 'product' AS kind, json_array_elements_text(terms->'appliesTo'->'products') AS name
    UNION ALL
    SELECT 'meter', json_array_elements_text(terms->'appliesTo'->'meters')
  ) AS named
  JOIN record ON record.org_id = ledger_grant.org_id AND record.kind = named.kind
    AND named.name IN (CASE record.kind WHEN 'meter' THEN record.code ELSE record.id::text END)
  ON CONFLICT DO NOTHING;
