-- What limits one account, and what limits all: each is read with the calls that it limits.
CREATE INDEX record_limited_account
  ON record (org_id, (coalesce(document #>> '{scope,account}', document ->> 'account')))
  WHERE kind IN ('autoTopUp', 'budget', 'concurrencyLimit', 'rateLimit');
