import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import {
  Logger as GraphileLogger,
  run,
  type Runner,
  runMigrations,
  type TaskList,
} from "graphile-worker";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { sql } from "kysely";
import { type ClockTask, keepTicking } from "./clock.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";

/** What each task is given. A task that is not in this table does not exist. */
export interface Tasks {
  readonly "bill-job": { readonly orgId: string; readonly jobId: string };
  /** Queued by the clock: see `clockTasks`. */
  readonly "bill-clock": object;
  /** Queued by the clock. */
  readonly "schedule-clock": object;
  readonly "usage-upload": { readonly orgId: string; readonly id: string };
  readonly "export-job": { readonly orgId: string; readonly jobId: string };
  /** Queued by the clock, and by who creates a schedule. */
  readonly "export-clock": object;
  /** Queued by the clock. */
  readonly "export-expiry": object;
  readonly "lookup-upload": { readonly orgId: string; readonly jobId: string };
  readonly "statement-job": { readonly orgId: string; readonly jobId: string };
}

export type TaskHandlers = {
  readonly [Name in keyof Tasks]: (payload: Tasks[Name]) => Promise<void>;
};

/** Tasks under way at the same time in one server; each may use a database connection and a core. */
const concurrency = 2;
const pollIntervalMs = 2_000;
/** Between two attempts to run tasks again. */
const retryMs = 1_000;

/**
 * That a task has ended is written at once, but as what the library calls a batch: whose failure ends its runner. That of
 * a single write is a rejection that nobody handles, and ends the process.
 */
const preset = { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } };

const clockTasks = [
  { task: "bill-clock", everyTicks: 1 },
  { task: "schedule-clock", everyTicks: 1 },
  { task: "export-clock", everyTicks: 1 },
  { task: "export-expiry", everyTicks: 60 },
] satisfies readonly (ClockTask & { readonly task: keyof Tasks })[];

/** The library keeps priorities in two bytes. */
const priorityMax = 32_767;

/**
 * The place of an organization's next task: behind its own that wait, and no further back than the others have come.
 * So organizations take turns, however many tasks one of them queues, and one alone has all there is. What waits for a
 * later time, or was given up, holds nobody up.
 */
const turnOf = (orgId: string) => sql`(
  SELECT least(${priorityMax}, COALESCE(greatest(
    min(priority), 1 + max(priority) FILTER (WHERE flags ? ${orgId})), 0))::int
  FROM graphile_worker.jobs
  WHERE flags IS NOT NULL AND run_at <= now() AND attempts < max_attempts
)`;

/** How long a task may keep its place where others wait. */
const turnMs = 30_000;

/** Whether the turn that begins now is over by then, and another organization's task or the clock's waits for the place. */
export const beginTurn = (
  database: Database,
  orgId: string,
  lastsMs = turnMs,
): (() => Promise<boolean>) => {
  const end = performance.now() + lastsMs;
  return async () => {
    if (performance.now() < end) return false;
    const { rows } = await sql<{ found: boolean }>`
      SELECT EXISTS (
        SELECT FROM graphile_worker.jobs WHERE locked_at IS NULL AND run_at <= now()
          AND attempts < max_attempts AND (flags ? ${orgId}) IS NOT TRUE
      ) AS found
    `.execute(database);
    return rows[0]?.found === true;
  };
};

/** Queues a task in the caller's transaction: it runs if and only if the transaction commits. */
export const enqueue = async <Name extends keyof Tasks>(
  transaction: Database,
  name: Name,
  payload: Tasks[Name],
): Promise<void> => {
  const json = JSON.stringify(payload);
  const added =
    "orgId" in payload
      ? sql`SELECT graphile_worker.add_job(${name}, ${json}::json,
          priority => ${turnOf(payload.orgId)}, flags => ARRAY[${payload.orgId}])`
      : sql`SELECT graphile_worker.add_job(${name}, ${json}::json)`;
  await added.execute(transaction);
};

/** The same by name, for rooms that do not know the queue. */
export const background = {
  billJob: (transaction: DatabaseTransaction, key: Tasks["bill-job"]): Promise<void> =>
    enqueue(transaction, "bill-job", key),
  statementJob: (transaction: DatabaseTransaction, key: Tasks["statement-job"]): Promise<void> =>
    enqueue(transaction, "statement-job", key),
  exportClock: (transaction: DatabaseTransaction): Promise<void> =>
    enqueue(transaction, "export-clock", {}),
  exportJob: (transaction: DatabaseTransaction, key: Tasks["export-job"]): Promise<void> =>
    enqueue(transaction, "export-job", key),
};

/** How long a bill job pauses that waits for what has not been measured. */
const billJobPauseSeconds = 5;

/** Has a bill job run once more after a pause: once, however many runs of it ask for that. */
export const billJobLater = async (database: Database, key: Tasks["bill-job"]): Promise<void> => {
  await sql`
    SELECT graphile_worker.add_job('bill-job', ${JSON.stringify(key)}::json,
      run_at => now() + make_interval(secs => ${billJobPauseSeconds}), job_key => ${`bill-job/${key.jobId}`},
      priority => ${turnOf(key.orgId)}, flags => ARRAY[${key.orgId}])
  `.execute(database);
};

const ourLogger = (logger: Logger): GraphileLogger =>
  new GraphileLogger(() => (level, message, meta) => {
    const write = level === "warning" ? "warn" : level === "info" ? "debug" : level;
    // The logger prints what is called `err` with its causes.
    const { error: err, ...rest } = meta ?? {};
    logger[write]({ ...rest, err }, message);
  });

/** Where tasks are queued: to be there before any is, also by a server that runs none. */
export const prepareQueue = (pool: Pool, logger: Logger): Promise<void> =>
  runMigrations({ pgPool: pool, logger: ourLogger(logger) });

/**
 * A server that was killed leaves its tasks locked, for hours, and so does a runner that has ended by itself. Whatever is
 * locked when one begins is taken as left behind, as only the server that keeps usage runs tasks. What has not ended yet
 * of the one before it may run twice at once, which every handler has to allow.
 */
const takeOverTasks = async (pool: Pool): Promise<void> => {
  await pool.query(
    `SELECT graphile_worker.force_unlock_workers(array_agg(DISTINCT locked_by))
     FROM graphile_worker.jobs WHERE locked_by IS NOT NULL`,
  );
};

interface QueueParts {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly handlers: TaskHandlers;
  /** For tests, which have less time. */
  readonly tickMs?: number;
}

/** Runs queued tasks until it is stopped; a task that fails is tried again later, with growing pauses. */
export const startQueue = async ({
  pool,
  logger,
  handlers,
  tickMs,
}: QueueParts): Promise<{ stop: () => Promise<void> }> => {
  const taskList: TaskList = Object.fromEntries(
    Object.entries(handlers).map(([name, handle]) => [
      name,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `enqueue` wrote the payload of this very task
      handle as (payload: unknown) => Promise<void>,
    ]),
  );
  await prepareQueue(pool, logger);
  const begin = async (): Promise<Runner> => {
    await takeOverTasks(pool);
    return run({
      pgPool: pool,
      taskList,
      // The library's clock stands still until the time comes again that a clock which was set back had shown.
      parsedCronItems: [],
      concurrency,
      pollInterval: pollIntervalMs,
      preset,
      noHandleSignals: true,
      logger: ourLogger(logger),
    });
  };
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = Promise.all([
    stayRunning(await begin(), { begin, logger, signal }),
    keepTicking({
      tasks: clockTasks,
      pool,
      logger,
      signal,
      ...(tickMs !== undefined && { tickMs }),
    }),
  ]);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running;
  };
  return { stop };
};

interface Staying {
  readonly begin: () => Promise<Runner>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Begins another runner whenever one has ended by itself, as when the database did not take that a task has ended. */
const stayRunning = async (first: Runner, { begin, logger, signal }: Staying): Promise<void> => {
  const stopped = once(signal, "abort");
  let runner: Runner | undefined = first;
  while (!signal.aborted) {
    try {
      runner ??= await begin();
      await Promise.race([runner.promise, stopped]);
      // One that is ending already says so.
      if (signal.aborted) return await runner.stop().catch(() => runner?.promise);
      logger.warn("the runner of tasks has ended: another one begins");
    } catch (error) {
      logger.warn({ err: error }, "tasks cannot be run");
    }
    runner = undefined;
    await delay(retryMs, undefined, { signal }).catch(() => undefined);
  }
};
