/**
 * Queries on a store of `BENCH_EVENTS` events (2,000,000) of 1,000 accounts spread over one month: an account's month by
 * hour, the sum of every account, the size on disk and the start with all uids in the dedupe window. Prints JSON.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openUsageStore } from "@turnpike/server/adapters/duckdb/usage-store.ts";
import { MemoryUsageDirectory } from "@turnpike/server/adapters/memory/usage-directory.ts";
import type { UsageStore } from "@turnpike/server/ports/usage-store.ts";
import { benchBodies, benchMeter } from "./usage-events.ts";

const events = Number(process.env["BENCH_EVENTS"] ?? 2_000_000);
const accounts = 1000;
const batchSize = 1000;
const bodiesAtOnce = 200;
const concurrency = 8;
const samples = 40;
const settleMs = 3000 + events / 500;
const orgId = "org";

const month = {
  start: Temporal.Instant.from("2024-05-01T00:00:00Z"),
  end: Temporal.Instant.from("2024-06-01T00:00:00Z"),
};
const startMs = month.start.epochMilliseconds;
const monthMs = month.end.epochMilliseconds - startMs;
/** Just after the month, so that nothing is from the future and every uid is in the dedupe window. */
const receivedAtMs = month.end.epochMilliseconds;

const fill = async (store: UsageStore): Promise<number> => {
  const start = performance.now();
  const plan = { accounts, startMs, stepMs: monthMs / events };
  for (let first = 0; first < events; first += bodiesAtOnce * batchSize) {
    const count = Math.min(bodiesAtOnce, Math.ceil((events - first) / batchSize));
    const bodies = [...benchBodies(count, batchSize, { ...plan, first })];
    const send = async (): Promise<void> => {
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
        const request = { orgId, format: "json", encoding: "identity", receivedAtMs } as const;
        const outcome = await store.ingest({ ...request, body: Buffer.from(body) });
        if (outcome.kind !== "accepted") throw new Error(`a batch was ${outcome.kind}`);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, send));
  }
  return events / ((performance.now() - start) / 1000);
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

const folder = await mkdtemp(join(tmpdir(), "turnpike-bench-"));
const path = join(folder, "usage.duckdb");
const directory = new MemoryUsageDirectory();
directory.putMeter(orgId, benchMeter);
const worker = new URL("../packages/server/src/usage-worker.ts", import.meta.url);
const open = () => openUsageStore({ path, directory, worker, startedAtMs: receivedAtMs });
try {
  const first = await open();
  const eventsPerSecond = await fill(first);
  // Rows are put in the order of accounts once ingest is quiet.
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const fresh = await measure(first, directory);
  await first.close();
  const { size } = await stat(path);
  let second: UsageStore | undefined;
  const restartMs = await timed(async () => {
    second = await open();
  });
  const again = second === undefined ? undefined : await measure(second, directory);
  await second?.close();
  console.log(
    JSON.stringify({
      events,
      fill_events_per_s: Math.round(eventsPerSecond),
      ...fresh,
      after_restart: again,
      bytes_per_event: Number((size / events).toFixed(1)),
      restart_s: Number((restartMs / 1000).toFixed(2)),
    }),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
