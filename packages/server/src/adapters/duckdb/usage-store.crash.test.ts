import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DirectoryInUse } from "../../ports/usage-store.ts";
import type { UsageStore } from "../../ports/usage-store.ts";
import { backfillOne, crashBatch, crashDirectory, total, voidFirst } from "./crash-writer.ts";
import { verifyLedger } from "./ledger.ts";
import { openUsageStore } from "./usage-store.ts";

const runs = Number(process.env["TURNPIKE_CRASH_RUNS"] ?? 5);
const timeout = 60_000 + runs * 20_000;
const writer = new URL("crash-writer.ts", import.meta.url).pathname;

let folder: string;
let kills = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-crash-"));
});
afterAll(async () => {
  process.stdout.write(`writers killed: ${kills}\n`);
  await rm(folder, { recursive: true });
});

const open = (path: string): Promise<UsageStore> =>
  openUsageStore({
    path,
    directory: crashDirectory(),
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: Date.now(),
  });

/** Lets the writer run and kills it after the delay; returns the numbers of the acknowledged batches. */
const writeUntilKilled = async (
  path: string,
  first: number,
  { delayMs, mode = "" }: { readonly delayMs: number; readonly mode?: string },
) => {
  const child = spawn(process.execPath, [writer, path, String(first), mode], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const acknowledged: number[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (line !== "open") acknowledged.push(Number(line));
    else setTimeout(() => child.kill("SIGKILL"), delayMs);
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  kills++;
  return acknowledged;
};

const sumOf = (numbers: Iterable<number>): number =>
  [...numbers].reduce((sum, number) => sum + 10 * 10 ** (number % 3), 0);

test("what was acknowledged before SIGKILL is there exactly once", { timeout }, async () => {
  const path = join(folder, "usage.duckdb");
  const expectedBatches = new Set<number>();
  let first = 0;
  for (let run = 0; run < runs; run++) {
    const acknowledged = await writeUntilKilled(path, first, {
      delayMs: 20 + Math.random() * 400,
    });
    const store = await open(path);
    // Up to four batches were under way: committed or not, sending them again makes them certain.
    const underWay = [...Array(acknowledged.length + 4).keys()].map((offset) => first + offset);
    for (const number of acknowledged) expectedBatches.add(number);
    const count = await total(store, "COUNT");
    expect(count % 10).toBe(0);
    expect(count / 10).toBeGreaterThanOrEqual(expectedBatches.size);
    expect(count / 10).toBeLessThanOrEqual(expectedBatches.size + 4);
    for (const number of [...underWay, ...acknowledged]) {
      const request = { orgId: "org", format: "json", encoding: "identity" } as const;
      const body = crashBatch(number);
      const outcome = await store.ingest({ ...request, body, receivedAtMs: Date.now() });
      expect(outcome.kind).toBe("accepted");
      if (acknowledged.includes(number)) expect(outcome).toMatchObject({ stored: 0 });
      expectedBatches.add(number);
    }
    expect(await total(store, "COUNT")).toBe(expectedBatches.size * 10);
    expect(await total(store, "SUM")).toBe(sumOf(expectedBatches));
    await store.close();
    first = Math.max(...expectedBatches) + 1;
  }
});

test("what was void before SIGKILL stays void", { timeout }, async () => {
  const path = join(folder, "void.duckdb");
  const expectedBatches = new Set<number>();
  let first = 0;
  for (let run = 0; run < runs; run++) {
    const delayMs = 100 + Math.random() * 400;
    const acknowledged = await writeUntilKilled(path, first, { delayMs, mode: "void" });
    const store = await open(path);
    const underWay = [...Array(acknowledged.length + 4).keys()].map((offset) => first + offset);
    for (const number of acknowledged) expectedBatches.add(number);
    // Nine count of a batch whose void was acknowledged, ten or nothing of one under way.
    const count = await total(store, "COUNT");
    expect(count).toBeGreaterThanOrEqual(expectedBatches.size * 9);
    expect(count).toBeLessThanOrEqual(expectedBatches.size * 9 + 40);
    for (const number of new Set([...underWay, ...acknowledged])) {
      const request = { orgId: "org", format: "json", encoding: "identity" } as const;
      await store.ingest({ ...request, body: crashBatch(number), receivedAtMs: Date.now() });
      await voidFirst(store, number);
      expectedBatches.add(number);
    }
    expect(await total(store, "COUNT")).toBe(expectedBatches.size * 9);
    await store.close();
    first = Math.max(...expectedBatches) + 1;
  }
});

test(
  "a backfill counts as a whole or not at all, whenever SIGKILL comes",
  { timeout },
  async () => {
    const path = join(folder, "backfill.duckdb");
    let done = 0;
    for (let run = 0; run < runs; run++) {
      const delayMs = 100 + Math.random() * 600;
      const acknowledged = await writeUntilKilled(path, done, { delayMs, mode: "backfill" });
      const store = await open(path);
      // Ones or threes, but ten of each number: what is replaced goes and comes with what replaces it.
      const [count, sum] = [await total(store, "COUNT"), await total(store, "SUM")];
      expect(count % 10).toBe(0);
      expect((sum - count) % 20).toBe(0);
      expect(count / 10).toBeGreaterThanOrEqual(done + acknowledged.length);
      const end = Math.max(done - 1, ...acknowledged) + 5;
      for (let number = done; number < end; number++) await backfillOne(store, number);
      expect(await total(store, "COUNT")).toBe(end * 10);
      const evens = Math.ceil(end / 2);
      expect(await total(store, "SUM")).toBe(end * 10 + evens * 20);
      await store.close();
      done = end;
    }
    expect(await verifyLedger(path)).toMatchObject({ kind: "sound" });
  },
);

/** A file may not grow past a limit, which is what a full disk looks like; `storage-full` ends the writer. */
const writeUntilFull = async (path: string) => {
  const blocks = 2600;
  const command = `ulimit -f ${blocks}; exec "$0" "$@"`;
  const child = spawn("sh", ["-c", command, process.execPath, writer, path, "0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const acknowledged: number[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (line !== "open") acknowledged.push(Number(line));
  }
  if (child.exitCode === null) await once(child, "exit");
  return { acknowledged, complaint };
};

test("a full disk refuses what it cannot hold and loses nothing that was acknowledged", async () => {
  const path = join(folder, "full.duckdb");
  const { acknowledged, complaint } = await writeUntilFull(path);
  expect(complaint).toContain("was storage-full");
  expect(acknowledged.length).toBeGreaterThan(0);
  const store = await open(path);
  const count = await total(store, "COUNT");
  expect(count % 10).toBe(0);
  expect(count / 10).toBeGreaterThanOrEqual(acknowledged.length);
  for (const number of acknowledged.slice(-50)) {
    const request = { orgId: "org", format: "json", encoding: "identity" } as const;
    const body = crashBatch(number);
    const outcome = await store.ingest({ ...request, body, receivedAtMs: Date.now() });
    expect(outcome).toMatchObject({ kind: "accepted", stored: 0 });
  }
  await store.close();
});

test("a second process is told that the directory is in use", async () => {
  const path = join(folder, "locked.duckdb");
  const child = spawn(process.execPath, [writer, path, "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await expect(open(path)).rejects.toThrow(DirectoryInUse);
  child.kill("SIGKILL");
  await once(child, "exit");
});
