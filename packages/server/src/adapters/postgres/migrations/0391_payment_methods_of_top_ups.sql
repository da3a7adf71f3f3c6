-- A payment that fails says something of the payment method that was asked for it, not of the one that has replaced it since.
ALTER TABLE top_up ADD COLUMN payment_method text;
UPDATE top_up AS t SET payment_method = r.payment_method
FROM top_up_rule AS r WHERE r.org_id = t.org_id AND r.id = t.rule_id AND t.state = 'pending';
