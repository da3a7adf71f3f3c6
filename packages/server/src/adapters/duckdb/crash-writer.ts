import type { UsageStore } from "../../ports/usage-store.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { openUsageStore } from "./usage-store.ts";

/**
 * A process for the crash test to kill: sends batches of ten to the store at the path in its arguments, four at a time,
 * and prints the number of each batch that was acknowledged. Numbers begin at the second argument. With a third one,
 * `void`, the first measurement of each batch is void before the batch is printed.
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

export const crashBatch = (number: number): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      measurements: Array.from({ length: 10 }, (_, i) => ({
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

const write = async (path: string, first: number, isVoiding: boolean): Promise<void> => {
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
      const request = { orgId: "org", format: "json", encoding: "identity" } as const;
      const body = crashBatch(number);
      const outcome = await store.ingest({ ...request, body, receivedAtMs: Date.now() });
      if (outcome.kind !== "accepted") throw new Error(`batch ${number} was ${outcome.kind}`);
      if (isVoiding) await voidFirst(store, number);
      process.stdout.write(`${number}\n`);
    }
  };
  await Promise.all([send(), send(), send(), send()]);
};

const [, script, path, first, mode] = process.argv;
if (script === import.meta.filename && path !== undefined) {
  await write(path, Number(first), mode === "void");
}
