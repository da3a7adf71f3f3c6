import { execFile } from "node:child_process";
import { copyFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { calls, event, org, receivedAtMs, sendTo } from "../../ports/usage-fixture.suite.ts";
import { journalFolder } from "../journal/journal.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { exportLedger, verifyLedger } from "./ledger.ts";
import { uidSql } from "./uid-columns.ts";
import { UsageJournalLog } from "./usage-log.ts";
import { openUsageStore } from "./usage-store.ts";

let folder: string;
let path: string;

const run = async (file: string, sql: string) => {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRows();
  connection.closeSync();
  instance.closeSync();
  return rows;
};

/** Five batches: rows of two meters, a field that comes later, disorder, a void and an amendment. */
const fill = async (): Promise<void> => {
  const directory = new MemoryUsageDirectory();
  const other = { ...calls, id: "other-id", code: "other" };
  directory.putMeter(org, calls);
  directory.putMeter(org, other);
  const open = () =>
    openUsageStore({
      path,
      directory,
      worker: new URL("../../usage-worker.ts", import.meta.url),
      startedAtMs: receivedAtMs,
      moves: { quietMs: 1, rowsMin: 1 },
    });
  let store = await open();
  await sendTo(store, [
    event("a", 1.25, { account: "beta" }),
    event("b", -2e21, { metadata: { trace: "é\u0000", extra: "kept" } }),
    event("c", 3, { meter: "other", ets: "2024-05-11T00:00:00Z" }),
    event("d", 0.004, { meter: "other", ts: "2024-05-01T00:00:00.000001Z" }),
  ]);
  await sendTo(store, [event("e", 5, { account: "acme" })]);
  await store.close();
  const derivedFields = [
    { code: "ratio", category: "MEASURE", calculation: "10 / tokens" } as const,
  ];
  directory.putMeter(org, { ...calls, derivedFields });
  store = await open();
  await sendTo(store, [event("f", 4), event("g", 0)]);
  const by = { orgId: org, correctedBy: "somebody", reason: "it's wrong", receivedAtMs };
  await store.correct({ ...by, uid: "a" });
  const { measure, what, metadata } = { ...values(7) };
  await store.correct({ ...by, uid: "c", amendment: { measure, what, metadata } });
  await store.close();
  const moves = { quietMs: 1000, rowsMin: 1 };
  const log = await UsageJournalLog.open(
    { path, memoryLimit: "1GB", threads: 1, moves },
    () => undefined,
  );
  await log.settle();
  await log.close();
};

const values = (tokens: number) => ({
  measure: { tokens },
  what: { model: "small" },
  metadata: { trace: "t" },
});

/** A lock of this process would not keep it from itself. */
const verifyElsewhere = (file: string): string => `
  import(${JSON.stringify(new URL("ledger.ts", import.meta.url).href)})
    .then(({ verifyLedger }) => verifyLedger(${JSON.stringify(file)}))
    .catch((error) => console.error(error.message));`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-ledger-"));
  path = join(folder, "usage.duckdb");
  await fill();
});
afterAll(() => rm(folder, { recursive: true }));

test("the chain of what was stored is sound, wherever rows have moved", async () => {
  const [row] = await run(path, "SELECT count(*), max_by(hash, sequence) FROM batch");
  expect(row?.[0]).toBe(5n);
  expect(await verifyLedger(path)).toEqual({ kind: "sound", batches: 5, head: row?.[1] });
});

test.each([
  ["a value", 2, `UPDATE usage_0 SET f0 = f0 + 1 WHERE ${uidSql("usage_0")} = 'e'`],
  ["a scale", 1, `UPDATE usage_0 SET f0_scale = 1 WHERE ${uidSql("usage_0")} = 'a'`],
  ["an account", 2, `UPDATE usage_0 SET account = 1 - account WHERE ${uidSql("usage_0")} = 'e'`],
  ["who an account is", 1, "UPDATE account SET account_id = 'x' WHERE number = 0"],
  ["a time", 3, `UPDATE usage_0 SET ts = ts + INTERVAL 1 SECOND WHERE ${uidSql("usage_0")} = 'f'`],
  ["a uid", 2, `UPDATE usage_0 SET uid_number = uid_number + 1 WHERE ${uidSql("usage_0")} = 'e'`],
  ["how a uid is stored", 2, `UPDATE usage_0 SET uid_form = 99 WHERE ${uidSql("usage_0")} = 'e'`],
  ["a derived value", 3, `UPDATE usage_0 SET f3 = 26 WHERE ${uidSql("usage_0")} = 'f'`],
  ["a row taken away", 1, `DELETE FROM usage_0 WHERE ${uidSql("usage_0")} = 'b'`],
  ["a row put in", 2, `INSERT INTO usage_0 SELECT * FROM usage_0 WHERE ${uidSql("usage_0")} = 'e'`],
  [
    "a row behind the end",
    6,
    "INSERT INTO usage_0 (position, account, uid_head) VALUES (99, 0, 'z')",
  ],
  ["when a batch came", 3, "UPDATE batch SET received_at = '2020-01-01' WHERE sequence = 3"],
  ["a hash", 4, "UPDATE batch SET hash = repeat('0', 64) WHERE sequence = 4"],
  ["a batch taken away", 2, "DELETE FROM batch WHERE sequence = 2"],
  ["the last batch taken away", 5, "DELETE FROM batch WHERE sequence = 5"],
  ["a void taken back", 4, "DELETE FROM correction WHERE uid = 'a'"],
  ["the reason of a correction", 5, "UPDATE correction SET reason = 'fraud' WHERE uid = 'c'"],
])("%s: batch %i is the first broken one", async (_, sequence, sql) => {
  const copy = join(folder, "tampered.duckdb");
  await copyFile(path, copy);
  await cp(journalFolder(path), journalFolder(copy), { recursive: true });
  await run(copy, sql);
  expect(await verifyLedger(copy)).toMatchObject({ kind: "broken", sequence });
  await rm(copy);
  await rm(journalFolder(copy), { recursive: true });
});

test("a byte of the journal that is not what it was: its batch is the first broken one", async () => {
  const copy = join(folder, "tampered.duckdb");
  await copyFile(path, copy);
  await cp(journalFolder(path), journalFolder(copy), { recursive: true });
  const [name = ""] = await readdir(journalFolder(copy));
  const file = join(journalFolder(copy), name);
  const bytes = await readFile(file);
  const at = bytes.indexOf('"sequence":2,');
  bytes[at + 11] = 0x33;
  await writeFile(file, bytes);
  expect(await verifyLedger(copy)).toMatchObject({ kind: "broken", sequence: 2 });
});

test("while a server has the store the ledger says so", async () => {
  const directory = new MemoryUsageDirectory();
  const worker = new URL("../../usage-worker.ts", import.meta.url);
  const store = await openUsageStore({ path, directory, worker, startedAtMs: receivedAtMs });
  const { stderr } = await promisify(execFile)(process.execPath, ["-e", verifyElsewhere(path)]);
  await store.close();
  expect(stderr).toContain("Another process is using the usage store");
});

test("an export has every row, what was corrected, and the head of the chain", async () => {
  const file = join(folder, "usage.parquet");
  const verdict = await exportLedger(path, file);
  if (verdict.kind !== "sound") throw new Error(verdict.reason);
  const reader = ":memory:";
  const metadata = await run(
    reader,
    `SELECT decode(key), decode(value) FROM parquet_kv_metadata('${file}') ORDER BY 1`,
  );
  expect(metadata).toContainEqual(["ledger_batches", "5"]);
  expect(metadata).toContainEqual(["ledger_head", verdict.head]);
  const rows = await run(
    reader,
    `SELECT uid, "values"['tokens'], is_corrected FROM '${file}' ORDER BY position`,
  );
  expect(rows).toEqual([
    ["a", "125e-2", true],
    ["b", expect.stringMatching(/^-2/), false],
    ["c", "3e0", true],
    ["d", "4e-3", false],
    ["e", "5e0", false],
    ["f", "4e0", false],
    ["g", "0e0", false],
    ["c", "7e0", false],
  ]);
});

test("a journal that was restored alone is verified, and nothing is made where none is", async () => {
  const restored = join(folder, "restored.duckdb");
  await cp(journalFolder(path), journalFolder(restored), { recursive: true });
  expect(await verifyLedger(restored)).toEqual(await verifyLedger(path));
  const mistaken = join(folder, "mistaken.duckdb");
  await expect(verifyLedger(mistaken)).rejects.toThrow("does not exist");
  expect((await readdir(folder)).filter((name) => name.startsWith("mistaken"))).toEqual([]);
});

test("a journal that was restored alone and damaged is broken", async () => {
  const restored = join(folder, "damaged.duckdb");
  await cp(journalFolder(path), journalFolder(restored), { recursive: true });
  const names = await readdir(journalFolder(restored));
  const segment = names.find((name) => name.endsWith(".journal")) ?? "";
  const bytes = await readFile(join(journalFolder(restored), segment));
  bytes[300] = (bytes[300] ?? 0) ^ 1;
  await writeFile(join(journalFolder(restored), segment), bytes);
  expect(await verifyLedger(restored)).toMatchObject({ kind: "broken" });
});
