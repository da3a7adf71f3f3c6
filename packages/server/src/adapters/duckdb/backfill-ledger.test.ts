import { copyFile, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { calls, event, may, org, receivedAtMs, sendTo } from "../../ports/usage-fixture.suite.ts";
import { journalFolder } from "../journal/journal.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { exportLedger, verifyLedger } from "./ledger.ts";
import { openUsageStore } from "./usage-store.ts";

let folder: string;
let path: string;
const directory = new MemoryUsageDirectory();

const open = () =>
  openUsageStore({
    path,
    directory,
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: receivedAtMs,
    moves: { quietMs: 1, rowsMin: 1 },
  });

const run = async (file: string, sql: string) => {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRows();
  connection.closeSync();
  instance.closeSync();
  return rows;
};

/** One that replaces `a` and stays, one that was reverted, one that is hidden. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-backfill-ledger-"));
  path = join(folder, "usage.duckdb");
  directory.putMeter(org, calls);
  directory.putAccount(org, "acme", "acme-id");
  const store = await open();
  await sendTo(store, [event("a", 1)]);
  for (const [backfillId, tokens] of [
    ["kept", 10],
    ["reverted", 100],
    ["hidden", 1000],
  ] as const) {
    await store.ingest({
      orgId: org,
      backfillId,
      body: Buffer.from(JSON.stringify({ measurements: [event("a", tokens)] })),
      format: "json",
      encoding: "identity",
      receivedAtMs,
    });
  }
  const replaces = { meterIds: [calls.id], window: may };
  const by = { orgId: org, requestedBy: "it's me", receivedAtMs };
  await store.stepBackfill({ ...by, backfillId: "kept", step: "reveal", replaces });
  await store.stepBackfill({ ...by, backfillId: "reverted", step: "reveal", replaces });
  await store.stepBackfill({ ...by, backfillId: "reverted", step: "revert" });
  await sendTo(store, [event("b", 2)]);
  await store.close();
});
afterAll(() => rm(folder, { recursive: true }));

const total = async () => {
  const store = await open();
  const request = { orgId: org, meterId: calls.id, targetField: "tokens", window: may };
  const [found] = await store.aggregate({ ...request, method: "SUM" });
  await store.close();
  return found?.quantity;
};

test("an export has every row, whose it is and whether it counts", async () => {
  const file = join(folder, "usage.parquet");
  expect(await exportLedger(path, file)).toMatchObject({ kind: "sound" });
  const rows = await run(
    ":memory:",
    `SELECT uid, "values"['tokens'], backfill_id, is_counted FROM '${file}' ORDER BY position`,
  );
  expect(rows).toEqual([
    ["a", "1e0", null, false],
    ["a", "10e0", "kept", true],
    ["a", "100e0", "reverted", false],
    ["a", "1000e0", "hidden", false],
    ["b", "2e0", null, true],
  ]);
});

test("a file that is made again from the journal counts the same", async () => {
  expect(await total()).toBe("12");
  await rm(path);
  await rm(`${path}.wal`, { force: true });
  expect(await total()).toBe("12");
  expect(await exportLedger(path, join(folder, "again.parquet"))).toMatchObject({ kind: "sound" });
});

test.each([
  ["a revert taken back", "DELETE FROM backfill WHERE step = 'revert'"],
  ["a wider reveal", "UPDATE backfill SET replaces = NULL WHERE backfill_id = 'kept'"],
  ["another's reveal", "UPDATE backfill SET requested_by = 'x' WHERE backfill_id = 'kept'"],
  ["a hidden value", "UPDATE usage_3 SET f0 = f0 + 1"],
])("%s breaks the chain", async (_, sql) => {
  await exportLedger(path, join(folder, "settled.parquet"));
  const copy = join(folder, "tampered.duckdb");
  await copyFile(path, copy);
  await cp(journalFolder(path), journalFolder(copy), { recursive: true });
  await run(copy, sql);
  expect(await verifyLedger(copy)).toMatchObject({ kind: "broken" });
  await rm(copy);
  await rm(journalFolder(copy), { recursive: true });
});
