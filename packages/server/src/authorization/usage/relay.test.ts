import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { openUsageStore } from "../../adapters/duckdb/usage-store.ts";
import { MemoryUsageDirectory } from "../../adapters/memory/usage-directory.ts";
import { hashedUid } from "./batch-usage.ts";
import { ledgerDatabase } from "../rows/ledger-database.suite.ts";
import { startRelay } from "./relay.ts";

const logger = pino({ level: "silent" });
const directory = new MemoryUsageDirectory();
const { pool, organization, ledger } = ledgerDatabase();
const state: { folder: string; orgId: string; usage?: Awaited<ReturnType<typeof openUsageStore>> } =
  { folder: "", orgId: "" };

beforeAll(async () => {
  state.folder = await mkdtemp(join(tmpdir(), "turnpike-relay-"));
  state.usage = await openUsageStore({
    path: join(state.folder, "usage.duckdb"),
    directory,
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: Date.now(),
  });
}, 60_000);
afterAll(async () => {
  await state.usage?.close();
  await rm(state.folder, { recursive: true, force: true });
});
beforeEach(async () => {
  state.orgId = await organization([]);
  const dataFields = [{ code: "units", category: "MEASURE" }] as const;
  directory.putMeter(state.orgId, {
    id: state.orgId,
    code: "calls",
    dataFields,
    derivedFields: [],
  });
});

const usageStore = () => {
  if (state.usage === undefined) throw new Error("the usage store did not open");
  return state.usage;
};

const measurement = (uid: string, units = 1) => ({
  uid,
  account: "acme",
  meter: "calls",
  ts: "2024-05-10T00:00:00Z",
  measure: { units },
});

const measurements = (from: number, count: number) =>
  Array.from({ length: count }, (_, nth) => measurement(`call ${from + nth}`));

/** As a delivery that was acknowledged and whose commit was lost, or somebody's own. */
const store = (all: readonly object[]) =>
  usageStore().ingest({
    orgId: state.orgId,
    body: Buffer.from(JSON.stringify({ measurements: all })),
    format: "json",
    encoding: "identity",
    receivedAtMs: Date.now(),
  });

/** A row of a batch of decisions. */
const decide = (all: readonly object[]) =>
  pool().query("INSERT INTO usage_outbox (org_id, measurements, count) VALUES ($1, $2, $3)", [
    state.orgId,
    JSON.stringify(all),
    all.length,
  ]);

const left = async () => (await pool().query("SELECT FROM usage_outbox")).rowCount;

const deliver = async (): Promise<void> => {
  const relay = startRelay({ ...ledger(), usage: usageStore(), logger });
  await expect.poll(left, { timeout: 20_000 }).toBe(0);
  await relay.stop();
};

const counted = async (method: "COUNT" | "SUM") => {
  const start = Temporal.Instant.from("2024-05-01T00:00:00Z");
  const window = { start, end: start.add({ hours: 1000 }) };
  const of = { orgId: state.orgId, meterId: state.orgId, targetField: "units", window };
  const [found] = await usageStore().aggregate({ ...of, method });
  return found?.quantity;
};

test("what is delivered again is looked up together, and counts once beside what has a uid of it", async () => {
  await store([measurement("call 7", 5), ...measurements(0, 900)]);
  for (const from of [0, 300, 600]) await decide(measurements(from, 300));
  const asked = vi.spyOn(usageStore(), "ingested");
  await deliver();
  const sizes = asked.mock.calls.map(([{ uids }]) => uids.length);
  asked.mockRestore();
  expect(sizes).toEqual([900]);
  expect([await counted("COUNT"), await counted("SUM")]).toEqual(["901", "905"]);
  const { rows } = await pool().query("SELECT uid, stored_as FROM usage_name WHERE org_id = $1", [
    state.orgId,
  ]);
  expect(rows).toEqual([{ uid: "call 7", stored_as: hashedUid("call 7") }]);
});
