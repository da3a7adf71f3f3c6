import type { ClientBase } from "pg";

/**
 * What the server relies on, whatever the role or the database has as its own default. With other forms of dates, or another
 * isolation, it does not start or waits for ever; and waiting for a request, for an account's lock, for what is calculated
 * inside a transaction or for the end of a long migration is nothing that should be cut off.
 */
const relied = {
  DateStyle: "ISO, YMD",
  TimeZone: "UTC",
  default_transaction_isolation: "read committed",
  // A standby is one that can only be read, whatever is settled.
  default_transaction_read_only: "off",
  statement_timeout: "0",
  // PostgreSQL 17 and newer have it.
  transaction_timeout: "0",
  lock_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
  // The locks of a server whose machine is gone are let go in half a minute instead of two hours.
  tcp_keepalives_idle: "10",
  tcp_keepalives_interval: "5",
  tcp_keepalives_count: "4",
  tcp_user_timeout: "30000",
};

/** What was acknowledged is durable; how many replicas a commit waits for is the operator's to say. */
const settling = `
  SELECT set_config(name, $1::jsonb->>name, false) FROM pg_settings WHERE $1::jsonb ? name
  UNION ALL
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`;

/** For every connection, before it is used. */
export const settle = async (client: ClientBase): Promise<void> => {
  await client.query(settling, [JSON.stringify(relied)]);
};
