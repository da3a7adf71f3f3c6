-- What a plan's last bill settles is found by its key: running totals of counters, too.
DROP INDEX bill_line_of_advance_key;
CREATE INDEX bill_line_of_advance_key ON bill_line (org_id, key)
  WHERE line_item_type IN ('STANDING_CHARGE', 'MINIMUM_SPEND', 'COUNTER_RUNNING_TOTAL_CHARGE');
