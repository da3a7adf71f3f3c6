-- Measurements by which refunds of an authorization have taken usage back, as long as it may still be undone.
CREATE TABLE usage_refund (
  org_id uuid NOT NULL,
  of text NOT NULL,
  uid text NOT NULL,
  PRIMARY KEY (org_id, of, uid)
);
