import { parentPort, workerData } from "node:worker_threads";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { AccountNumbers } from "./adapters/duckdb/accounts.ts";
import type { MeterTable } from "./adapters/duckdb/meter-tables.ts";
import { aggregate, aggregateJointly } from "./adapters/duckdb/quantities.ts";
import { changed } from "./adapters/duckdb/changes.ts";
import { ThreadChannel } from "./adapters/duckdb/thread-channel.ts";
import { queryUsage } from "./adapters/duckdb/usage-query.ts";
import { scan } from "./adapters/duckdb/scan.ts";
import { UsageJournalLog } from "./adapters/duckdb/usage-log.ts";
import type {
  DirectoryCalls,
  StartReport,
  UsageCalls,
  UsageWorkerStart,
} from "./adapters/duckdb/worker-protocol.ts";
import { IngestPipeline } from "./ingest/pipeline.ts";
import type { DirectoryChange } from "./ports/usage-directory.ts";
import { DirectoryInUse } from "./ports/usage-store.ts";

interface MeterQuestion {
  readonly orgId: string;
  readonly meterId: string;
}

/** The usage thread: composes what reads, writes and queries measurements around the one DuckDB file. */
const run = async (
  port: NonNullable<typeof parentPort>,
  start: UsageWorkerStart,
): Promise<void> => {
  const damaged: string[] = [];
  let onDamage = (path: string): void => void damaged.push(path);
  const log = await UsageJournalLog.open(start, (path) => onDamage(path));
  const { readers } = log;
  /** Answers a question about one meter; a meter that no row is of has the answer `none`. */
  const ofMeter = <Question extends MeterQuestion, Answer>(
    question: Question,
    answer: (
      connection: DuckDBConnection,
      source: { readonly table: MeterTable; readonly accounts: AccountNumbers },
      question: Question,
    ) => Promise<Answer>,
    none: Answer,
  ): Promise<Answer> =>
    readers.use(async (connection) => {
      // A meter's table is there once everything that was acknowledged can be seen.
      const table = log.tables.find(question.orgId, question.meterId);
      if (table === undefined) return none;
      return answer(connection, { table, accounts: log.accounts }, question);
    });
  const listeners = new Set<(change: DirectoryChange) => void>();
  const channel = new ThreadChannel<DirectoryCalls, UsageCalls>({
    port,
    handlers: {
      ingest: (request) => pipeline.ingest(request),
      correct: (request) => pipeline.correct(request),
      aggregate: (question) => ofMeter(question, aggregate, []),
      aggregateJointly: (question) => ofMeter(question, aggregateJointly, []),
      mark: () => Promise.resolve(log.mark()),
      changed: (question) => readers.use((connection) => changed(connection, log, question)),
      query: (question) => readers.use((connection) => queryUsage(connection, log, question)),
      scan: (question) => ofMeter(question, scan, { events: [] }),
      directoryChanged: async (change) => {
        for (const listener of listeners) listener(change);
      },
      close: async () => {
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
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    log,
  );
  await pipeline.recall(start.startedAtMs);
  port.postMessage({ kind: "open" } satisfies StartReport);
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
