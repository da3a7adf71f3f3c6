import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded.ts";
import { openPostgres, type PostgresConnection } from "./open.ts";
import { noteUnheard, type UsageClaim, UsageClaimant, UsageStoreInUse } from "./usage-claim.ts";

const logger = pino({ level: "silent" });
const state: { folder: string; embedded?: EmbeddedPostgres } = { folder: "" };

beforeAll(async () => {
  state.folder = await mkdtemp(join(tmpdir(), "turnpike-claims-"));
  // The embedded database may run as another user, who must get through to its data.
  await chmod(state.folder, 0o755);
  state.embedded = await startEmbeddedPostgres(join(state.folder, "postgres"), logger);
});
afterAll(async () => {
  await state.embedded?.stop();
  await rm(state.folder, { recursive: true, force: true });
});

interface Server {
  readonly storeId: string;
  readonly connection: PostgresConnection;
  readonly claim: (claim: UsageClaim) => Promise<string | undefined>;
}

/** A server that is connected, until the work is done; its URL has a name for its connections, too. */
const connected = async <Done>(
  storeId: string,
  work: (server: Server) => Promise<Done>,
): Promise<Done> => {
  const claimant = new UsageClaimant(storeId);
  const url = new URL(state.embedded?.url ?? "");
  url.searchParams.set("application_name", "ours");
  const connection = await openPostgres(url.href, logger, { onConnect: claimant.greet });
  try {
    return await work({
      storeId,
      connection,
      claim: (claim) => claimant.claim(connection.pool, claim),
    });
  } finally {
    await connection.close();
  }
};

test("servers that start at once agree on one store, which no command line has claimed before", async () => {
  expect(await connected(randomUUID(), ({ claim }) => claim("never"))).toBeUndefined();
  const ids = Array.from({ length: 6 }, () => randomUUID());
  const keepers = await Promise.all(ids.map((id) => connected(id, ({ claim }) => claim("first"))));
  expect(new Set(keepers).size).toBe(1);
  expect(ids).toContain(keepers[0]);
  expect(await connected(randomUUID(), ({ claim }) => claim("never"))).toBe(keepers[0]);
});

test("a store takes the place of another whose server is gone, and only then", async () => {
  const [old, next] = [randomUUID(), randomUUID()];
  const instead = () => connected(next, ({ claim }) => claim("instead"));
  expect(await connected(old, ({ claim }) => claim("instead"))).toBe(old);
  await connected(old, async ({ claim }) => {
    expect(await claim("first")).toBe(old);
    await expect(instead()).rejects.toThrow(UsageStoreInUse);
  });
  expect(await instead()).toBe(next);
  expect(await instead()).toBe(next);
  expect(await connected(old, ({ claim }) => claim("first"))).toBe(next);
});

test("batches that the database has not heard of are noted once, and forgotten with the store that has them", async () => {
  const claimInstead = (id: string) => connected(id, ({ claim }) => claim("instead"));
  const noted = (id: string, heard: string | null, present: string) =>
    connected(id, async ({ connection: { pool } }) => {
      await pool.query("UPDATE usage_store SET mark = $1", [heard]);
      await noteUnheard(pool, present);
      const { rows } = await pool.query("SELECT * FROM usage_unheard ORDER BY after_batch");
      return rows;
    });
  const id = randomUUID();
  await claimInstead(id);
  expect(await noted(id, null, "0.none")).toEqual([]);
  const first = { after_batch: "0", last_batch: "2" };
  expect(await noted(id, null, "2.two")).toEqual([first]);
  expect(await noted(id, "9.nine", "9.nine")).toEqual([first]);
  const second = { after_batch: "9", last_batch: "12" };
  expect(await noted(id, "9.nine", "12.twelve")).toEqual([first, second]);
  expect(await noted(id, "9.nine", "12.twelve")).toEqual([first, second]);
  const other = randomUUID();
  await claimInstead(other);
  expect(await noted(other, "3.three", "3.three")).toEqual([]);
});
