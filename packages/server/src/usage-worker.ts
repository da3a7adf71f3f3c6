import { parentPort, workerData } from "node:worker_threads";
import { aggregate, aggregateJointly } from "./adapters/duckdb/quantities.ts";
import { changed } from "./adapters/duckdb/changes.ts";
import { UsageDatabase } from "./adapters/duckdb/database.ts";
import { Readers } from "./adapters/duckdb/readers.ts";
import { ThreadChannel } from "./adapters/duckdb/thread-channel.ts";
import { queryUsage } from "./adapters/duckdb/usage-query.ts";
import { scan } from "./adapters/duckdb/scan.ts";
import { DuckDbUsageLog } from "./adapters/duckdb/usage-log.ts";
import type {
  DirectoryCalls,
  StartReport,
  UsageCalls,
  UsageWorkerStart,
} from "./adapters/duckdb/worker-protocol.ts";
import { IngestPipeline } from "./ingest/pipeline.ts";
import type { DirectoryChange } from "./ports/usage-directory.ts";
import { DirectoryInUse } from "./ports/usage-store.ts";

/** The usage thread: composes what reads, writes and queries measurements around the one DuckDB file. */
const run = async (
  port: NonNullable<typeof parentPort>,
  start: UsageWorkerStart,
): Promise<void> => {
  const database = await UsageDatabase.open(start);
  const log = await DuckDbUsageLog.open(database);
  const readers = new Readers(database);
  const listeners = new Set<(change: DirectoryChange) => void>();
  const channel = new ThreadChannel<DirectoryCalls, UsageCalls>({
    port,
    handlers: {
      ingest: (request) => pipeline.ingest(request),
      correct: (request) => pipeline.correct(request),
      aggregate: async (question) => {
        const table = log.tables.find(question.orgId, question.meterId);
        if (table === undefined) return [];
        const source = { table, accounts: log.accounts };
        return readers.use((connection) => aggregate(connection, source, question));
      },
      aggregateJointly: async (question) => {
        const table = log.tables.find(question.orgId, question.meterId);
        if (table === undefined) return [];
        const source = { table, accounts: log.accounts };
        return readers.use((connection) => aggregateJointly(connection, source, question));
      },
      mark: () => Promise.resolve(log.mark()),
      changed: (question) => readers.use((connection) => changed(connection, log, question)),
      query: (question) => readers.use((connection) => queryUsage(connection, log, question)),
      scan: async (question) => {
        const table = log.tables.find(question.orgId, question.meterId);
        if (table === undefined) return { events: [] };
        const source = { table, accounts: log.accounts };
        return readers.use((connection) => scan(connection, source, question));
      },
      directoryChanged: async (change) => {
        for (const listener of listeners) listener(change);
      },
      close: async () => {
        await pipeline.drain();
        await log.close();
        readers.close();
        database.close();
      },
    },
    // After the promises of a commit have settled, before the next body is read.
    defer: (post) => process.nextTick(post),
  });
  const pipeline = new IngestPipeline(
    {
      meters: (orgId, codes) => channel.call("meters", { orgId, codes }),
      accounts: (orgId, codes) => channel.call("accounts", { orgId, codes }),
      codes: (orgId, ids) => channel.call("codes", { orgId, ids }),
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    log,
  );
  await pipeline.recall(start.startedAtMs);
  port.postMessage({ kind: "open" } satisfies StartReport);
};

if (parentPort === null) throw new Error("the usage worker runs as a thread");
const port = parentPort;
run(port, workerData).catch((error: unknown) => {
  const report: StartReport =
    error instanceof DirectoryInUse ? { kind: "in-use" } : { kind: "failed", error };
  port.postMessage(report);
});
