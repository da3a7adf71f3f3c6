import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgres, type PostgresConnection } from "./open.ts";
import { ownConnection } from "./own-connection.suite.ts";

const own = ownConnection();
const state: { connection?: PostgresConnection } = {};

/** What operators and providers give a role, or a database, as its own. */
const defaults = [
  "DateStyle = 'SQL, DMY'",
  "TimeZone = 'America/St_Johns'",
  "default_transaction_isolation = 'repeatable read'",
  "statement_timeout = '500ms'",
  "transaction_timeout = '500ms'",
  "lock_timeout = '100ms'",
  "idle_in_transaction_session_timeout = '300ms'",
  "idle_session_timeout = '300ms'",
  "synchronous_commit = off",
  "default_transaction_read_only = on",
];

beforeAll(async () => {
  const { pool } = own();
  for (const one of defaults) await pool.query(`ALTER ROLE turnpike SET ${one}`);
  const url = pool.options.connectionString ?? "";
  state.connection = await openPostgres(url, pino({ level: "silent" }));
});
afterAll(() => state.connection?.close());

const pool = (): PostgresConnection["pool"] => {
  if (state.connection === undefined) throw new Error("it was not opened");
  return state.connection.pool;
};

test("instants and days are read and written as what they are", async () => {
  const at = new Date("2026-02-03T04:05:06.789Z");
  const { rows } = await pool().query(
    "SELECT $1::timestamptz AS at, $1::timestamptz::date AS day, $1::timestamptz::text AS text",
    [at],
  );
  expect(rows).toEqual([{ at, day: "2026-02-03", text: "2026-02-03 04:05:06.789+00" }]);
});

test("a transaction sees what was committed before each of its statements", async () => {
  const client = await pool().connect();
  try {
    await client.query("BEGIN");
    const isThere = "SELECT count(*)::int AS count FROM migration WHERE name = 'seen'";
    expect((await client.query(isThere)).rows).toEqual([{ count: 0 }]);
    await own().pool.query("INSERT INTO migration VALUES ('seen', '')");
    expect((await client.query(isThere)).rows).toEqual([{ count: 1 }]);
  } finally {
    await client.query("ROLLBACK");
    client.release();
  }
});

test("who waits for long is not cut off", async () => {
  const client = await pool().connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_sleep(1)");
    // Inside a transaction, and between two requests, longer than the role's sessions may.
    await own().pool.query("SELECT pg_sleep(0.6)");
    await client.query("COMMIT");
    await own().pool.query("SELECT pg_sleep(0.6)");
    expect((await client.query("SHOW lock_timeout")).rows).toEqual([{ lock_timeout: "0" }]);
  } finally {
    client.release();
  }
});

test("a commit is on the disk when it is acknowledged", async () => {
  const { rows } = await pool().query("SHOW synchronous_commit");
  expect(rows).toEqual([{ synchronous_commit: "on" }]);
});
