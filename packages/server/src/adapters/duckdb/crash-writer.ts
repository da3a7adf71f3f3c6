import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { openUsageStore } from "./usage-store.ts";

/**
 * A process for the crash test to kill: sends batches of ten to the store at the path in its arguments, four at a time,
 * and prints the number of each batch that was acknowledged. Numbers begin at the second argument.
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

const write = async (path: string, first: number): Promise<void> => {
  const store = await openUsageStore({
    path,
    directory: crashDirectory(),
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: Date.now(),
    // Checkpoints and sorts all the time, so that the kill hits them too.
    checkpointThreshold: "20KB",
    rowOrder: { quietMs: 0, rowsMin: 10 },
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
      process.stdout.write(`${number}\n`);
    }
  };
  await Promise.all([send(), send(), send(), send()]);
};

const [, script, path, first] = process.argv;
if (script === import.meta.filename && path !== undefined) await write(path, Number(first));
