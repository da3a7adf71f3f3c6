import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { UsageStore } from "../../ports/usage-store.ts";
import { crashBatch, crashDirectory, total, voidFirst } from "./crash-writer.ts";
import { verifyLedger } from "./ledger.ts";
import { UsageJournalLog } from "./usage-log.ts";
import { openUsageStore } from "./usage-store.ts";

const batches = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 40) * 5;
const rowsPerBatch = 10;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-moves-"));
});
afterAll(() => rm(folder, { recursive: true }));

interface StoreOptions {
  readonly onDamage?: (aside: string) => void;
  readonly rowsMin?: number;
}

const openStore = (
  path: string,
  { rowsMin = 1, ...options }: StoreOptions = {},
): Promise<UsageStore> =>
  openUsageStore({
    path,
    directory: crashDirectory(),
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: Date.now(),
    moves: { quietMs: 0, rowsMin },
    ...options,
  });

const send = (store: UsageStore, number: number, rows = rowsPerBatch) =>
  store.ingest({
    orgId: "org",
    format: "json",
    encoding: "identity",
    body: crashBatch(number, rows),
    receivedAtMs: Date.now(),
  });

const count = (store: UsageStore): Promise<number> => total(store, "COUNT");

test("a query sees what was acknowledged exactly once, wherever rows are moving", async () => {
  const path = join(folder, "moving.duckdb");
  const store = await openStore(path);
  const sent = { begun: 0, acknowledged: 0, isOver: false };
  const write = async (): Promise<void> => {
    while (sent.begun < batches) {
      expect(await send(store, sent.begun++)).toMatchObject({ stored: rowsPerBatch });
      sent.acknowledged++;
      // Rows move when nothing comes for a moment.
      if (sent.acknowledged % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    }
  };
  const read = async (): Promise<number> => {
    let reads = 0;
    for (; !sent.isOver; reads++) {
      const least = sent.acknowledged * rowsPerBatch;
      const counted = await count(store);
      expect(counted % rowsPerBatch).toBe(0);
      expect(counted).toBeGreaterThanOrEqual(least);
      expect(counted).toBeLessThanOrEqual(sent.begun * rowsPerBatch);
    }
    return reads;
  };
  const reading = Promise.all([read(), read(), read()]);
  await Promise.all([write(), write()]);
  sent.isOver = true;
  expect(Math.min(...(await reading))).toBeGreaterThan(0);
  expect(await count(store)).toBe(batches * rowsPerBatch);
  await store.close();
  expect(await verifyLedger(path)).toMatchObject({ kind: "sound" });
});

const countStored = async (connection: DuckDBConnection): Promise<number> => {
  const found = await connection.runAndReadAll("SELECT count(*)::INTEGER FROM usage_0_stored");
  return Number(found.getRows()[0]?.[0]);
};

test("a query sees once what several threads move into the file while it reads", async () => {
  const path = join(folder, "large.duckdb");
  const rowsEach = 1000;
  const rows = 400 * rowsEach;
  const store = await openStore(path, { rowsMin: Infinity });
  for (let number = 0; number < rows / rowsEach; number++) {
    expect(await send(store, number, rowsEach)).toMatchObject({ stored: rowsEach });
  }
  await store.close();
  const log = await UsageJournalLog.open(
    { path, memoryLimit: "1GB", threads: 2, moves: { quietMs: 0, rowsMin: Infinity } },
    () => undefined,
  );
  const move = { isOver: false };
  const look = (): Promise<number[]> =>
    log.readers.use(async (connection) => {
      const counted = [await countStored(connection)];
      while (!move.isOver) counted.push(await countStored(connection));
      return counted;
    });
  const looking = Promise.all([look(), look()]);
  await log.settle();
  move.isOver = true;
  expect(new Set((await looking).flat())).toEqual(new Set([rows]));
  await log.close();
});

/** DuckDB's first block begins after three headers of four kilobytes. */
const damageFile = async (path: string): Promise<void> => {
  const file = await open(path, "r+");
  await file.write(Buffer.alloc(64, 0x5a), 0, 64, 3 * 4096 + 100);
  await file.close();
};

const settled = async (store: UsageStore): Promise<void> => {
  await count(store);
  await new Promise((resolve) => setTimeout(resolve, 300));
};

test("a file that DuckDB does not open is set aside and made again from the journal", async () => {
  const path = join(folder, "damaged.duckdb");
  const first = await openStore(path);
  for (let number = 0; number < 20; number++) await send(first, number);
  await voidFirst(first, 3);
  await settled(first);
  await first.close();
  await damageFile(path);
  const aside: string[] = [];
  const second = await openStore(path, { onDamage: (damaged) => aside.push(damaged) });
  expect(await count(second)).toBe(20 * rowsPerBatch - 1);
  expect(await send(second, 7)).toMatchObject({ stored: 0 });
  expect(await send(second, 20)).toMatchObject({ stored: rowsPerBatch });
  await second.close();
  expect(aside).toHaveLength(1);
  const names = await readdir(folder);
  expect(names.filter((name) => aside[0]?.endsWith(name))).toHaveLength(1);
  expect(await verifyLedger(path)).toMatchObject({ kind: "sound" });
});

test("a journal that lacks what the file has is not taken for the truth", async () => {
  const path = join(folder, "lost.duckdb");
  const first = await openStore(path);
  await send(first, 0);
  await settled(first);
  await first.close();
  await rm(`${path}.journal`, { recursive: true });
  await expect(openStore(path)).rejects.toThrow();
  expect(await verifyLedger(path).catch(() => "no journal")).not.toMatchObject({ kind: "sound" });
});

test("a damaged file without a journal stays where it is, for a person to look", async () => {
  const path = join(folder, "hopeless.duckdb");
  const first = await openStore(path);
  await send(first, 0);
  await settled(first);
  await first.close();
  await rm(`${path}.journal`, { recursive: true });
  await damageFile(path);
  await expect(openStore(path)).rejects.toThrow();
  expect((await readdir(folder)).filter((name) => name.startsWith("hopeless"))).toContain(
    "hopeless.duckdb",
  );
});

test("when a query finds a broken block the file is made again while the store runs", async () => {
  const path = join(folder, "broken-block.duckdb");
  const store = await openStore(path);
  for (let number = 0; number < 20; number++) await send(store, number);
  await settled(store);
  await store.close();
  const aside: string[] = [];
  const log = await UsageJournalLog.open(
    { path, memoryLimit: "1GB", threads: 1, moves: { quietMs: 0, rowsMin: 1 } },
    (damaged) => aside.push(damaged),
  );
  const counted = () => log.readers.use(countStored);
  const broken = "Corrupt database file: computed checksum 1 does not match stored checksum 2";
  await expect(log.readers.use(() => Promise.reject(new Error(broken)))).rejects.toThrow(broken);
  expect(await Promise.all([counted(), counted(), counted()])).toEqual([200, 200, 200]);
  expect(aside).toHaveLength(1);
  await log.settle();
  expect(await counted()).toBe(200);
  await log.close();
  expect(await verifyLedger(path)).toMatchObject({ kind: "sound" });
});
