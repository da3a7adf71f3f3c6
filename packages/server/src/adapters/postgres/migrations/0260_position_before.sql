-- How far a position had come before anything was authorized at it: usage that its price bills and no call was charged for.
ALTER TABLE usage_position ADD COLUMN before numeric DEFAULT 0 NOT NULL;
