-- Batches of usage that the database had not heard of at a start: after a restore, those that came since the dump.
CREATE TABLE usage_unheard (
  after_batch bigint NOT NULL,
  last_batch bigint NOT NULL,
  PRIMARY KEY (after_batch, last_batch)
);
