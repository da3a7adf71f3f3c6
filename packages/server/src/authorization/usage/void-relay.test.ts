import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openUsageStore } from "../../adapters/duckdb/usage-store.ts";
import type { UsageStore } from "../../ports/usage-store.ts";
import { ledgerDatabase } from "../rows/ledger-database.suite.ts";
import { startVoidRelay } from "./void-relay.ts";

const { pool, organization } = ledgerDatabase();
const state: { folder: string; usage?: UsageStore } = { folder: "" };

beforeAll(async () => {
  state.folder = await mkdtemp(join(tmpdir(), "turnpike-voids-"));
  state.usage = await openUsageStore({
    path: join(state.folder, "usage.duckdb"),
    directory: {
      meters: async () => new Map(),
      accounts: async () => new Map(),
      codes: async () => ({ meter: undefined, account: undefined }),
      customFields: async () => ({ meters: new Map(), accounts: new Map() }),
      lookups: async () => [],
      onChange: () => () => undefined,
    },
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: Date.now(),
  });
}, 60_000);
afterAll(async () => {
  await state.usage?.close();
  await rm(state.folder, { recursive: true, force: true });
});

test("the log says once what the usage store has not known for an hour", async () => {
  const orgId = await organization([]);
  const insert = (uid: string, age: string): Promise<unknown> =>
    pool().query(
      `INSERT INTO usage_void (org_id, uid, account, occurred_at, refund, decided_at)
       VALUES ($1, $2, 'acme', 0, 'r', now() - $3::interval)`,
      [orgId, uid, age],
    );
  await insert("late", "61 minutes");
  await insert("fresh", "59 minutes");
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
  if (state.usage === undefined) throw new Error("the usage store did not open");
  const clock = { skipped: 0 };
  const now = (): number => Date.now() + clock.skipped;
  const relay = startVoidRelay({ pool: pool(), usage: state.usage, logger, now });
  const told = () => lines.map((line): unknown => JSON.parse(line));
  const untilTold = async (count: number): Promise<void> => {
    for (let tries = 0; lines.length < count && tries < 200; tries += 1) await delay(50);
  };
  await untilTold(1);
  expect(told()).toEqual([expect.objectContaining({ uid: "late", orgId, refund: "r" })]);
  // Both are tried again, and the second is late by then.
  clock.skipped = 120_000;
  await untilTold(2);
  await delay(1_200);
  await relay.stop();
  expect(told()).toHaveLength(2);
  expect(told()[1]).toEqual(expect.objectContaining({ uid: "fresh" }));
});
