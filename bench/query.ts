/**
 * Queries on a store of `BENCH_EVENTS` events (2,000,000; the claims are about 10,000,000) of 1,000 accounts spread over one
 * month, and on a tenth of them: an account's month by hour, the sum of every account, the size on disk, the memory of the
 * process and what the usage thread's consists of, and the start with all uids in the dedupe window. `ratio` is the whole
 * over the tenth. Prints JSON.
 */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openUsageStore } from "@turnpike/server/adapters/duckdb/usage-store.ts";
import type { UsageMemory } from "@turnpike/server/adapters/duckdb/memory.ts";
import { MemoryUsageDirectory } from "@turnpike/server/adapters/memory/usage-directory.ts";
import type { UsageStore } from "@turnpike/server/ports/usage-store.ts";
import { benchBodies, benchMeter } from "./usage-events.ts";

const eventsMax = Number(process.env["BENCH_EVENTS"] ?? 2_000_000);
const accounts = 1000;
const batchSize = 1000;
const bodiesAtOnce = 200;
const concurrency = 8;
const samples = 40;
/** Rows move into the file once ingest is quiet for a second. */
const settleMs = 5000;
const orgId = "org";

const month = {
  start: Temporal.Instant.from("2024-05-01T00:00:00Z"),
  end: Temporal.Instant.from("2024-06-01T00:00:00Z"),
};
const startMs = month.start.epochMilliseconds;
const monthMs = month.end.epochMilliseconds - startMs;
/** Just after the month, so that nothing is from the future and every uid is in the dedupe window. */
const receivedAtMs = month.end.epochMilliseconds;

const fill = async (store: UsageStore, events: number): Promise<number> => {
  let seconds = 0;
  const plan = { accounts, startMs, stepMs: monthMs / events };
  for (let first = 0; first < events; first += bodiesAtOnce * batchSize) {
    const count = Math.min(bodiesAtOnce, Math.ceil((events - first) / batchSize));
    // In the order of their times, as they happen.
    const bodies = benchBodies(count, batchSize, { ...plan, first }).toReversed();
    const send = async (): Promise<void> => {
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
        const request = { orgId, format: "json", encoding: "identity", receivedAtMs } as const;
        const outcome = await store.ingest({ ...request, body: Buffer.from(body) });
        if (outcome.kind !== "accepted") throw new Error(`a batch was ${outcome.kind}`);
      }
    };
    // Making the bodies takes as long as storing them and is not what is measured.
    seconds += (await timed(() => Promise.all(Array.from({ length: concurrency }, send)))) / 1000;
  }
  return seconds;
};

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

const quantile = (sorted: readonly number[], at: number): number =>
  Number((sorted[Math.floor(sorted.length * at)] ?? 0).toFixed(1));

const measure = async (store: UsageStore, directory: MemoryUsageDirectory) => {
  const { id: meterId } = benchMeter;
  const byHour = (index: number) =>
    store.query({
      orgId,
      window: month,
      timeZone: "Europe/Paris",
      accountIds: [directory.accountId(orgId, `customer-${index}`) ?? ""],
      filters: [],
      aggregations: [{ meterId, fieldCode: "input_tokens", method: "SUM" }],
      groups: [{ kind: "time", frequency: "HOUR" }],
      limit: 20_000,
    });
  const everyAccount = () =>
    store.aggregate({ orgId, meterId, method: "SUM", targetField: "input_tokens", window: month });
  const one: number[] = [];
  for (let i = 0; i < samples; i++) one.push(await timed(() => byHour((i * 37) % accounts)));
  const all: number[] = [];
  for (let i = 0; i < 5; i++) all.push(await timed(everyAccount));
  one.sort((a, b) => a - b);
  all.sort((a, b) => a - b);
  return {
    account_month_by_hour_p50_ms: quantile(one, 0.5),
    account_month_by_hour_p95_ms: quantile(one, 0.95),
    all_accounts_p50_ms: quantile(all, 0.5),
  };
};

const worker = new URL("../packages/server/src/usage-worker.ts", import.meta.url);

const sizeOf = async (folder: string): Promise<number> => {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name))));
  return sizes.reduce((total, { size }) => total + size, 0);
};

const megabytes = (): number => Math.round(process.memoryUsage.rss() / 1e6);
const inMegabytes = (memory: UsageMemory) =>
  Object.fromEntries(Object.entries(memory).map(([of, bytes]) => [of, Math.round(bytes / 1e6)]));
const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

const run = async (events: number) => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-bench-"));
  const path = join(folder, "usage.duckdb");
  const directory = new MemoryUsageDirectory();
  directory.putMeter(orgId, benchMeter);
  const open = () => openUsageStore({ path, directory, worker, startedAtMs: receivedAtMs });
  try {
    const first = await open();
    const fillSeconds = await fill(first, events);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const fresh = await measure(first, directory);
    const rss = megabytes();
    const memory = await first.memory();
    await first.close();
    const [file, journal] = [(await stat(path)).size, await sizeOf(`${path}.journal`)];
    let second: Awaited<ReturnType<typeof open>> | undefined;
    const restartMs = await timed(async () => {
      second = await open();
    });
    const again = second === undefined ? undefined : await measure(second, directory);
    const rssAfterRestart = megabytes();
    const memoryAfterRestart = await second?.memory();
    await second?.close();
    return {
      events,
      fill_s: round(fillSeconds, 2),
      fill_events_per_s: Math.round(events / fillSeconds),
      ...fresh,
      rss_mb: rss,
      of_it: inMegabytes(memory),
      uid_bytes_per_event: round(memory.uids / events),
      after_restart: again,
      rss_mb_after_restart: rssAfterRestart,
      of_it_after_restart: memoryAfterRestart && inMegabytes(memoryAfterRestart),
      restart_s: round(restartMs / 1000, 2),
      bytes_per_event: round((file + journal) / events),
      file_bytes_per_event: round(file / events),
      journal_bytes_per_event: round(journal / events),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const tenth = await run(Math.ceil(eventsMax / 10));
const whole = await run(eventsMax);
console.log(
  JSON.stringify({
    whole,
    tenth,
    ratio: {
      events: round(whole.events / tenth.events),
      fill: round(whole.fill_s / tenth.fill_s),
      account_month_by_hour: round(
        whole.account_month_by_hour_p50_ms / tenth.account_month_by_hour_p50_ms,
      ),
      all_accounts: round(whole.all_accounts_p50_ms / tenth.all_accounts_p50_ms),
      rss: round(whole.rss_mb / tenth.rss_mb),
    },
  }),
);
