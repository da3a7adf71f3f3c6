import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool, PoolClient } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../adapters/postgres/embedded.ts";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { pageText } from "../keyed-page.ts";
import { swapCheck } from "./changes.ts";
import { authorizationsStatement, grantsStatement } from "./loading.ts";
import { beginByKeys, inOnePacket } from "./packet.ts";
import { passedSlotsText } from "./passed-slots.ts";
import { partsStatement } from "../usage/undone-usage.ts";
import { lockingStatement } from "./wallet-access.ts";

const logger = pino({ level: "silent" });

/** `numbers` is a set of n; an organization for each, or one for all. */
const authorizations = (org: string, numbers: string): string =>
  `INSERT INTO ledger_authorization (org_id, id, account, state, terms, held, held_quantity, settled, settled_quantity,
     refunded, refunded_quantity, shortfall, debt, legs, answer, occurred_at)
   SELECT ${org}, 'id-' || n, 'account-' || n, 'SETTLED', repeat('t', 500), 0, 0, 1, 1, 0, 0, 0, 0, '[]',
     repeat('a', 300), n FROM ${numbers} AS n`;

const accountsAndGrants = (org: string, numbers: string): string[] => [
  `INSERT INTO ledger_account (org_id, account) SELECT ${org}, 'account-' || n FROM ${numbers} AS n`,
  `INSERT INTO ledger_grant (org_id, id, account, asset, amount, state, remaining, held, consumed, breakage, transferred,
     is_open, terms)
   SELECT ${org}, 'grant-' || n, 'account-' || n, 'USD', 1, 'active', 1, 0, 0, 0, 0, true, '{}' FROM ${numbers} AS n`,
];

/** The lines of a plan that compare each row of an organization with each key. */
const comparisons = async (client: PoolClient, text: string): Promise<string[]> => {
  const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN (GENERIC_PLAN) ${text}`);
  return rows.map((row) => row["QUERY PLAN"]).filter((line) => /Filter:.*ANY/.test(line));
};

/** What the rows of an index are found by: whatever the values, or with these. */
const rangesOf = async (
  client: PoolClient,
  text: string,
  values?: readonly unknown[],
): Promise<string[]> => {
  const option = values === undefined ? "(GENERIC_PLAN)" : "";
  const explain = `EXPLAIN ${option} ${text}`;
  const { rows } = await client.query<{ "QUERY PLAN": string }>(explain, values && [...values]);
  return rows.flatMap((row) => /Index Cond: (.*)$/.exec(row["QUERY PLAN"])?.[1] ?? []);
};

const indexesOf = async (client: PoolClient, text: string): Promise<string[]> => {
  const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN (GENERIC_PLAN) ${text}`);
  return rows.flatMap(
    (row) => /Index (?:Only )?Scan using (\w+)/.exec(row["QUERY PLAN"])?.[1] ?? [],
  );
};

describe("rows are found by key", () => {
  let pool: Pool;
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "turnpike-plans-"));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o755);
    const embedded = await startEmbeddedPostgres(join(folder, "postgres"), logger);
    closers.push(embedded.stop);
    const connection = await openPostgres(embedded.url, logger);
    closers.push(connection.close);
    pool = connection.pool;
  }, 60_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  /** In a transaction that leaves nothing behind. */
  const undone = async (body: (client: PoolClient) => Promise<void>): Promise<void> => {
    const client = await pool.connect();
    try {
      await inOnePacket(client, beginByKeys);
      await body(client);
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
  };

  test("in a table that nothing is known of yet, as it grows", () =>
    undone(async (client) => {
      for (let from = 0; from < 2000; from += 50) {
        const numbers = `generate_series(${from}, ${from + 49})`;
        await client.query(authorizations("gen_random_uuid()", numbers));
        expect(await comparisons(client, authorizationsStatement.text)).toEqual([]);
      }
    }));

  test("where organizations have few by the average", () =>
    undone(async (client) => {
      const numbers = "generate_series(1, 3000)";
      const org = "md5(n::text)::uuid";
      await client.query(authorizations(org, numbers));
      for (const statement of accountsAndGrants(org, numbers)) await client.query(statement);
      await client.query("ANALYZE ledger_account, ledger_authorization, ledger_grant");
      expect(await comparisons(client, authorizationsStatement.text)).toEqual([]);
      expect(await comparisons(client, grantsStatement.text)).toEqual([]);
      expect(await comparisons(client, lockingStatement)).toEqual([]);
      expect(await comparisons(client, swapCheck.text)).toEqual([]);
      expect(await indexesOf(client, swapCheck.text)).toEqual(["ledger_authorization_held"]);
    }));

  test("and a page of an account's grants and top-ups among those of all accounts", () =>
    undone(async (client) => {
      const [org] = (await client.query<{ id: string }>("SELECT gen_random_uuid() AS id")).rows;
      const [orgId, numbers] = [org?.id, "generate_series(1, 3000)"];
      for (const statement of accountsAndGrants(`'${orgId}'`, numbers))
        await client.query(statement);
      await client.query(
        `INSERT INTO top_up (org_id, id, account, asset, credit_amount, charge_amount, state)
         SELECT $1, 'top-up-' || n, 'account-' || n, 'USD', 1, '1', 'credited' FROM ${numbers} AS n`,
        [orgId],
      );
      await client.query("ANALYZE ledger_account, ledger_grant, top_up");
      // Pages are read by themselves, as the planner likes.
      await client.query("RESET ALL");
      for (const table of ["grant_standing", "top_up"] as const) {
        for (const [asset, after] of [
          [null, null],
          ["USD", "a"],
        ]) {
          const values = [orgId, "account-7", asset, after, 101];
          const [range] = await rangesOf(client, pageText(table), values);
          expect(range).toContain("(account = 'account-7'::text)");
        }
      }
    }));

  test("and slots that have left their window", () =>
    undone(async (client) => {
      await client.query(
        `INSERT INTO budget_counter (org_id, budget_id, window_start, posted, held, alerted)
         SELECT gen_random_uuid(), 'budget-' || n % 10, n, 0, 0, 0 FROM generate_series(1, 3000) AS n`,
      );
      await client.query("ANALYZE budget_counter");
      const key = "budget_counter_pkey";
      expect(await indexesOf(client, passedSlotsText)).toEqual([key, key]);
    }));

  test("and the parts of a hold as a range of keys", () =>
    undone(async (client) => {
      const [org] = (await client.query<{ id: string }>("SELECT gen_random_uuid() AS id")).rows;
      await client.query(
        `INSERT INTO ledger_decision (org_id, id, fingerprint, outcome, at)
         SELECT $1, 'part:' || hold || '#' || n, '', '{"amount": "1", "quantity": "2", "isMetered": true}', 0
         FROM generate_series(1, 50) AS n, unnest(ARRAY['a', 'a_', 'a%', 'a.b', 'A', 'aa', 'b', 'é']) AS hold`,
        [org?.id],
      );
      expect(await indexesOf(client, partsStatement)).toEqual(["ledger_decision_pkey"]);
      expect(await rangesOf(client, partsStatement)).toEqual([
        "((org_id = $1) AND (id >= $2) AND (id < $3))",
      ]);
      for (const hold of ["a", "a_", "a%", "é"]) {
        const values = [org?.id, `part:${hold}#`, `part:${hold}$`];
        const { rows } = await client.query<{ id: string }>(partsStatement, values);
        expect(rows).toHaveLength(50);
        expect(rows.every(({ id }) => id.startsWith(`${hold}#`))).toBe(true);
      }
    }));
});
