import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { IngestOutcome, UsageStore } from "../../ports/usage-store.ts";
import { crashDirectory, total } from "./crash-writer.ts";
import { verifyLedger } from "./ledger.ts";
import { openUsageStore } from "./usage-store.ts";

const folder = await mkdtemp(join(tmpdir(), "turnpike-full-disk-"));

const mount = (...options: readonly string[]): boolean => {
  try {
    execFileSync("mount", ["-t", "tmpfs", ...options, "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Room for the file system takes rights that not everybody has. */
const isMounted = mount("-o", "size=48m");
afterAll(async () => {
  if (isMounted) execFileSync("umount", [folder]);
  await rm(folder, { recursive: true });
});

const path = join(folder, "usage.duckdb");
const rowsPerBatch = 1000;
const batchesMax = 5000;
/** A disk that was full is tried again after so long. */
const patienceMs = 15_000;

const open = (): Promise<UsageStore> =>
  openUsageStore({
    path,
    directory: crashDirectory(),
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: Date.now(),
    moves: { quietMs: 20, rowsMin: 1000 },
  });

const send = (store: UsageStore, number: number): Promise<IngestOutcome> => {
  const measurements = Array.from({ length: rowsPerBatch }, (_, i) => ({
    uid: `${number}-${i}`,
    meter: "calls",
    account: "acme",
    ts: "2024-05-01T00:00:00Z",
    measure: { n: (number * 7919 + i * 104_729) % 1_000_003 },
  }));
  return store.ingest({
    orgId: "org",
    format: "json",
    encoding: "identity",
    body: Buffer.from(JSON.stringify({ measurements })),
    receivedAtMs: Date.now(),
  });
};

const count = (store: UsageStore): Promise<number> => total(store, "COUNT");

/** Sends batches until one is refused; returns how many were not, and the refusal. */
const fill = async (store: UsageStore) => {
  for (let number = 0; number < batchesMax; number++) {
    const outcome = await send(store, number);
    if (outcome.kind !== "accepted") return { batches: number, refusal: outcome.kind };
    expect(outcome.stored).toBe(rowsPerBatch);
    // Now and then rows have the time to move into the file.
    if (number % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 60));
  }
  throw new Error("the disk did not become full");
};

/** Sends a batch until it is taken. */
const insist = async (store: UsageStore, number: number): Promise<void> => {
  const end = performance.now() + patienceMs;
  while ((await send(store, number)).kind !== "accepted") {
    expect(performance.now()).toBeLessThan(end);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

test.skipIf(!isMounted)(
  "with a full disk usage is refused and nothing else: it can be read, also after a start, and goes on with more room",
  { timeout: 120_000 },
  async () => {
    const first = await open();
    const { batches, refusal } = await fill(first);
    expect(refusal).toBe("storage-full");
    expect(batches).toBeGreaterThan(100);
    expect(await count(first)).toBe(batches * rowsPerBatch);
    await first.close();
    const second = await open();
    expect(await count(second)).toBe(batches * rowsPerBatch);
    mount("-o", "remount,size=512m");
    const end = batches + 50;
    for (let number = batches; number < end; number++) await insist(second, number);
    expect(await count(second)).toBe(end * rowsPerBatch);
    await second.close();
    expect(await verifyLedger(path)).toMatchObject({ kind: "sound" });
  },
);
