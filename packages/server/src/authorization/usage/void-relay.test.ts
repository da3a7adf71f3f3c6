import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

test("what the usage store does not have is crossed off, and the log says so", async () => {
  const orgId = await organization([]);
  await pool().query(
    `INSERT INTO usage_void (org_id, uid, account, occurred_at, refund) VALUES ($1, 'lost', 'acme', 0, 'r')`,
    [orgId],
  );
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
  if (state.usage === undefined) throw new Error("the usage store did not open");
  const relay = startVoidRelay({ pool: pool(), usage: state.usage, logger, now: Date.now });
  const left = async () => (await pool().query("SELECT FROM usage_void")).rowCount;
  await expect.poll(left, { timeout: 10_000 }).toBe(0);
  await relay.stop();
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    expect.objectContaining({ uid: "lost", orgId, refund: "r" }),
  ]);
});
