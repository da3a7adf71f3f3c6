import { parentPort, workerData } from "node:worker_threads";
import { Aggregator } from "./adapters/duckdb/aggregation.ts";
import { contentsOf } from "./adapters/duckdb/backfill-contents.ts";
import { breakDown } from "./adapters/duckdb/breakdown.ts";
import { CustomSql } from "./adapters/duckdb/custom-sql.ts";
import { aggregate, aggregateJointly } from "./adapters/duckdb/quantities.ts";
import { changed } from "./adapters/duckdb/changes.ts";
import { memoryOf } from "./adapters/duckdb/memory.ts";
import { unpackRows } from "./adapters/duckdb/packed-rows.ts";
import type { Readers } from "./adapters/duckdb/readers.ts";
import { type Handlers, ThreadChannel } from "./adapters/duckdb/thread-channel.ts";
import { queryUsage } from "./adapters/duckdb/usage-query.ts";
import { scan } from "./adapters/duckdb/scan.ts";
import { UsageJournalLog } from "./adapters/duckdb/usage-log.ts";
import type {
  DirectoryCalls,
  StartReport,
  UsageCalls,
  UsageWorkerStart,
} from "./adapters/duckdb/worker-protocol.ts";
import { SqlSandbox } from "./adapters/sql-sandbox/sql-sandbox.ts";
import { IngestPipeline } from "./ingest/pipeline.ts";
import type { DirectoryChange } from "./ports/usage-directory.ts";
import { DirectoryInUse } from "./ports/usage-store.ts";

interface ReadingParts {
  readonly log: UsageJournalLog;
  readonly readers: Readers;
  readonly customSql: CustomSql;
}

type Reading =
  | "aggregate"
  | "backfill"
  | "aggregateJointly"
  | "breakDown"
  | "changed"
  | "query"
  | "faultOfSql"
  | "scan";

const readingHandlers = ({
  log,
  readers,
  customSql,
}: ReadingParts): Pick<Handlers<UsageCalls>, Reading> => {
  const aggregator = new Aggregator(readers, customSql);
  const sourceOf = async ({ orgId, meterId }: { orgId: string; meterId: string }) => {
    // A meter's table is there once everything that was acknowledged can be seen.
    await readers.caughtUp();
    const table = log.tables.find(orgId, meterId);
    return table && { table, accounts: log.accounts };
  };
  return {
    aggregate: async (question) => {
      const source = await sourceOf(question);
      return source === undefined ? [] : aggregate(aggregator, source, question);
    },
    aggregateJointly: async (question) => {
      const source = await sourceOf(question);
      return source === undefined ? [] : aggregateJointly(aggregator, source, question);
    },
    backfill: (key) => contentsOf({ readers, aggregator }, log.tables, key),
    breakDown: async (question) => {
      const source = await sourceOf(question);
      if (source === undefined) return { kind: "rows", rows: [] };
      return breakDown(aggregator, source, question);
    },
    changed: (question) => readers.use((connection) => changed(connection, log, question)),
    query: async (question) => {
      await readers.caughtUp();
      return queryUsage({ readers, aggregator }, log, question);
    },
    faultOfSql: (query) => customSql.faultOf(query),
    scan: async (question) => {
      const source = await sourceOf(question);
      if (source === undefined) return { events: [] };
      return readers.use((connection) => scan(connection, source, question));
    },
  };
};

/** The usage thread: composes what reads, writes and queries measurements around the one DuckDB file. */
const run = async (
  port: NonNullable<typeof parentPort>,
  start: UsageWorkerStart,
): Promise<void> => {
  const damaged: string[] = [];
  let onDamage = (path: string): void => void damaged.push(path);
  const log = await UsageJournalLog.open(start, (path) => onDamage(path));
  const { readers } = log;
  const sandbox = new SqlSandbox();
  const customSql = await CustomSql.open({
    readers,
    accounts: log.accounts,
    sandbox,
    folder: `${start.path}.sandbox`,
    codes: (orgId, ids) => channel.call("codes", { orgId, ids }),
  });
  const listeners = new Set<(change: DirectoryChange) => void>();
  const channel = new ThreadChannel<DirectoryCalls, UsageCalls>({
    port,
    handlers: {
      ingest: async (request) => {
        const { ahead } = request;
        try {
          return await pipeline.ingest(request, ahead && unpackRows(ahead));
        } finally {
          // It came with the message and nobody else has it: not given back, it waits for a collection.
          if (request.body.buffer instanceof ArrayBuffer) request.body.buffer.transfer(0);
          ahead?.bytes.buffer.transfer(0);
        }
      },
      correct: (request) => pipeline.correct(request),
      ingested: (request) => pipeline.ingested(request),
      stepBackfill: (request) => pipeline.stepBackfill(request),
      mark: () => Promise.resolve(log.mark()),
      memory: () => readers.use((connection) => memoryOf(connection, pipeline)),
      ...readingHandlers({ log, readers, customSql }),
      directoryChanged: async (change) => {
        for (const listener of listeners) listener(change);
      },
      close: async () => {
        sandbox.close();
        await pipeline.drain();
        await log.close();
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
      customFields: (orgId, of) => channel.call("customFields", { orgId, of }),
      lookups: (orgId, lookups) => channel.call("lookups", { orgId, lookups }),
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    log,
    (lesson) => void channel.call("learned", lesson).catch(() => undefined),
  );
  await pipeline.recall(start.startedAtMs);
  port.postMessage({ kind: "open", secret: log.secret } satisfies StartReport);
  onDamage = (path) => void channel.call("damaged", path).catch(() => undefined);
  for (const path of damaged) onDamage(path);
};

if (parentPort === null) throw new Error("the usage worker runs as a thread");
const port = parentPort;
run(port, workerData).catch((error: unknown) => {
  const report: StartReport =
    error instanceof DirectoryInUse ? { kind: "in-use" } : { kind: "failed", error };
  port.postMessage(report);
});
