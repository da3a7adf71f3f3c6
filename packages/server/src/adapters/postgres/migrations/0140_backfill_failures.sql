-- Measurements of a backfill that something was wrong with, other than that they had been sent before.
CREATE TABLE backfill_failures (
  org_id uuid NOT NULL REFERENCES organization,
  backfill_id uuid NOT NULL,
  failed_rows bigint NOT NULL,
  PRIMARY KEY (org_id, backfill_id)
);
