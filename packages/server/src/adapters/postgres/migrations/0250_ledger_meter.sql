-- The meters that authorizations name: the catalog keeps them and their codes.
CREATE TABLE ledger_meter (
  org_id uuid NOT NULL,
  meter_id uuid NOT NULL,
  PRIMARY KEY (meter_id, org_id)
);
INSERT INTO ledger_meter (org_id, meter_id)
  SELECT org_id, id FROM record WHERE kind = 'meter' AND (org_id, code) IN (SELECT org_id, meter FROM usage_payment);
