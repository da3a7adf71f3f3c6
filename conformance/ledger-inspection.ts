import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "pg";
import { openUsageStore } from "@turnpike/server/adapters/duckdb/usage-store.ts";
import { type Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import { auditLedger } from "@turnpike/server/authorization/audit.ts";

/** Looks into what a server has stored. */
export const inspect = async <Found>(
  databaseUrl: string,
  look: (pool: Pool) => Promise<Found>,
): Promise<Found> => {
  const pool = new Pool({ connectionString: databaseUrl, max: 2 });
  try {
    return await look(pool);
  } finally {
    await pool.end();
  }
};

/** Does the work while a transaction holds what `lock` locks; the work may wait until a statement waits for that. */
export const whileLocked = <Done>(
  databaseUrl: string,
  lock: string,
  work: (waiting: (statement: string) => Promise<void>) => Promise<Done>,
): Promise<Done> =>
  inspect(databaseUrl, async (pool) => {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      await client.query(lock);
      return await work((statement) => waitForLock(pool, statement));
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
  });

/** Until a statement that contains the text waits for a lock. */
export const waitForLock = async (pool: Pool, statement: string): Promise<void> => {
  for (let tries = 0; tries < 200; tries += 1) {
    const { rows } = await pool.query<{ count: string }>(
      "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1",
      [`%${statement}%`],
    );
    if (rows[0]?.count !== "0") return;
    await delay(50);
  }
  throw new Error(`no ${statement} waited for the lock`);
};

export const brokenInvariants = (databaseUrl: string, orgId: string): Promise<string[]> =>
  inspect(databaseUrl, (pool) => auditLedger(pool, orgId));

/** Waits until the relay has delivered all; fails when something was refused. */
export const waitForRelay = (databaseUrl: string): Promise<void> =>
  inspect(databaseUrl, async (pool) => {
    for (let tries = 0; tries < 600; tries += 1) {
      const { rows } = await pool.query<{ left: string; refusal: string | null }>(
        "SELECT count(*) AS left, max(refusal) AS refusal FROM usage_outbox",
      );
      if (rows[0]?.refusal) throw new Error(`usage was refused: ${rows[0].refusal}`);
      if (rows[0]?.left === "0") return;
      await delay(100);
    }
    throw new Error("the relay did not finish");
  });

/** Waits until what was refunded has been voided. */
export const waitForVoids = (databaseUrl: string): Promise<void> =>
  inspect(databaseUrl, async (pool) => {
    for (let tries = 0; tries < 600; tries += 1) {
      if ((await voidsLeft(pool)) === 0) return;
      await delay(100);
    }
    throw new Error("refunded usage was not voided");
  });

export const voidsLeft = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ count: string }>("SELECT count(*) FROM usage_void");
  return Number(rows[0]?.count);
};

/** What a stopped server's usage store holds of a meter's units, summed or counted, by account id. */
export const meteredUnits = async (
  folder: string,
  {
    orgId,
    meterId,
    method = "SUM",
  }: { readonly orgId: string; readonly meterId: string; readonly method?: "SUM" | "COUNT" },
): Promise<ReadonlyMap<string, Decimal>> => {
  const store = await openUsageStore({
    path: join(folder, "data", "usage.duckdb"),
    directory: {
      meters: async () => new Map(),
      accounts: async () => new Map(),
      codes: async () => ({ meter: undefined, account: undefined }),
      customFields: async () => ({ meters: new Map(), accounts: new Map() }),
      lookups: async () => [],
      onChange: () => () => undefined,
    },
    worker: new URL("../packages/server/src/usage-worker.ts", import.meta.url),
    startedAtMs: Date.now(),
  });
  try {
    const quantities = await store.aggregate({
      orgId,
      meterId,
      method,
      targetField: "units",
      window: {
        start: Temporal.Instant.from("2020-01-01T00:00:00Z"),
        end: Temporal.Instant.from("2100-01-01T00:00:00Z"),
      },
    });
    return new Map(
      quantities.map(({ accountId, quantity }) => [accountId, decimal(quantity ?? 0)]),
    );
  } finally {
    await store.close();
  }
};
