import type { UsageStore } from "../../ports/usage-store.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { openUsageStore } from "./usage-store.ts";

/**
 * A process for the crash test to kill: sends batches of ten to the store at the path in its arguments, four at a time,
 * and prints the number of each batch that was acknowledged. Numbers begin at the second argument. With a third one,
 * `void`, the first measurement of each batch is void before the batch is printed; with `backfill`, each batch is
 * measured again by a backfill of its own, of which every other one is reverted.
 */
export const crashMeter = {
  id: "meter",
  code: "calls",
  dataFields: [{ code: "n", category: "MEASURE" }],
  derivedFields: [],
} as const;

export const crashDirectory = (): MemoryUsageDirectory => {
  const directory = new MemoryUsageDirectory();
  directory.putMeter("org", crashMeter);
  directory.putAccount("org", "acme", "acme");
  return directory;
};

export const crashBatch = (number: number, rows = 10): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      measurements: Array.from({ length: rows }, (_, i) => ({
        uid: `${number}-${i}`,
        meter: "calls",
        account: "acme",
        ts: "2024-05-01T00:00:00Z",
        measure: { n: 10 ** (number % 3) },
      })),
    }),
  );

export const voidFirst = async (store: UsageStore, number: number): Promise<void> => {
  const by = { correctedBy: "somebody", reason: "wrong", receivedAtMs: Date.now() };
  const outcome = await store.correct({ orgId: "org", uid: `${number}-0`, ...by });
  if (outcome.kind !== "corrected") throw new Error(`the void of ${number} was ${outcome.kind}`);
};

/** Of everything that counts. */
export const total = async (store: UsageStore, method: "SUM" | "COUNT"): Promise<number> => {
  const window = {
    start: Temporal.Instant.from("2024-01-01T00:00:00Z"),
    end: Temporal.Instant.from("2025-01-01T00:00:00Z"),
  };
  const { id: meterId } = crashMeter;
  const request = { orgId: "org", meterId, method, targetField: "n", window } as const;
  const [found] = await store.aggregate(request);
  return Number(found?.quantity ?? 0);
};

/** Of a second of its own, so that a backfill can replace it and nothing else. */
const batchOfSecond = (number: number, n: number): Uint8Array => {
  const ts = Temporal.Instant.from("2024-05-01T00:00:00Z").add({ seconds: number }).toString();
  const measurements = Array.from({ length: 10 }, (_, i) => ({
    uid: `${number}-${i}`,
    meter: "calls",
    account: "acme",
    ts,
    measure: { n },
  }));
  return Buffer.from(JSON.stringify({ measurements }));
};

/** Ones that a backfill of threes replaces, for good when the number is even; may be done again from the beginning. */
export const backfillOne = async (store: UsageStore, number: number): Promise<void> => {
  const orgId = "org";
  const backfillId = `b${number}`;
  const request = { orgId, format: "json", encoding: "identity" } as const;
  const at = { receivedAtMs: Date.now() };
  const sent = await store.ingest({ ...request, ...at, body: batchOfSecond(number, 1) });
  if (sent.kind !== "accepted") throw new Error(`batch ${number} was ${sent.kind}`);
  // Refused as invalid once it is revealed.
  await store.ingest({ ...request, ...at, body: batchOfSecond(number, 3), backfillId });
  const begin = Temporal.Instant.from("2024-05-01T00:00:00Z").add({ seconds: number });
  const window = { start: begin, end: begin.add({ seconds: 1 }) };
  const replaces = { meterIds: [crashMeter.id], window };
  const step = { orgId, backfillId, requestedBy: "somebody", ...at };
  const revealed = await store.stepBackfill({ ...step, step: "reveal", replaces });
  const isReverted = revealed.kind === "wrong-state" && revealed.state === "reverted";
  if (revealed.kind !== "done" && !isReverted) {
    throw new Error(`the reveal of ${number} was ${revealed.kind}`);
  }
  if (number % 2 === 0) return;
  const reverted = await store.stepBackfill({ ...step, step: "revert" });
  if (reverted.kind !== "done") throw new Error(`the revert of ${number} was ${reverted.kind}`);
};

const write = async (path: string, first: number, mode: string): Promise<void> => {
  const store = await openUsageStore({
    path,
    directory: crashDirectory(),
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: Date.now(),
    // Moves rows all the time, so that the kill hits them too.
    moves: { quietMs: 0, rowsMin: 10 },
  });
  process.stdout.write("open\n");
  let next = first;
  const send = async (): Promise<void> => {
    for (;;) {
      const number = next++;
      if (mode === "backfill") {
        await backfillOne(store, number);
        process.stdout.write(`${number}\n`);
        continue;
      }
      const request = { orgId: "org", format: "json", encoding: "identity" } as const;
      const body = crashBatch(number);
      const outcome = await store.ingest({ ...request, body, receivedAtMs: Date.now() });
      if (outcome.kind !== "accepted") throw new Error(`batch ${number} was ${outcome.kind}`);
      if (mode === "void") await voidFirst(store, number);
      process.stdout.write(`${number}\n`);
    }
  };
  await Promise.all([send(), send(), send(), send()]);
};

const [, script, path, first, mode] = process.argv;
if (script === import.meta.filename && path !== undefined) {
  await write(path, Number(first), mode ?? "");
}
