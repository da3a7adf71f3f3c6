import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../adapters/postgres/embedded.ts";
import { openPostgres, type PostgresConnection } from "../adapters/postgres/open.ts";
import { enqueue, startQueue, type TaskHandlers } from "./queue.ts";

const state: { folder: string; postgres?: EmbeddedPostgres; connection?: PostgresConnection } = {
  folder: "",
};
const logger = pino({ level: "silent" });

beforeAll(async () => {
  state.folder = await mkdtemp(join(tmpdir(), "turnpike-queue-"));
  await chmod(state.folder, 0o755);
  state.postgres = await startEmbeddedPostgres(join(state.folder, "postgres"), logger);
  state.connection = await openPostgres(state.postgres.url, logger);
}, 60_000);
afterAll(async () => {
  await state.connection?.close();
  await state.postgres?.stop();
  await rm(state.folder, { recursive: true, force: true });
});

const nothing = async (): Promise<void> => undefined;
const idle: TaskHandlers = {
  "bill-job": nothing,
  "bill-clock": nothing,
  "schedule-clock": nothing,
  "usage-upload": nothing,
  "export-job": nothing,
  "export-expiry": nothing,
  "lookup-upload": nothing,
  "statement-job": nothing,
};

const patienceMs = 20_000;

test.each([
  { how: "succeeded", fault: undefined },
  { how: "failed", fault: new Error("for the test") },
])(
  "where the database does not take that a task has $how, the task and later ones run all the same",
  async ({ how, fault }) => {
    const { connection } = state;
    if (connection === undefined) throw new Error("no database");
    const { database, pool } = connection;
    const [first, second] = [`first that ${how}`, `second after ${how}`];
    const ran: string[] = [];
    const queue = await startQueue(
      pool,
      {
        ...idle,
        "export-job": async ({ jobId }) => {
          if (jobId !== first && jobId !== second) return;
          ran.push(jobId);
          if (ran.length > 1) return;
          await sql`ALTER TABLE graphile_worker._private_jobs RENAME TO lost`.execute(database);
          if (fault !== undefined) throw fault;
        },
      },
      logger,
    );
    await enqueue(database, "export-job", { orgId: "org", jobId: first });
    while (ran.length === 0) await delay(10);
    await delay(200);
    await sql`ALTER TABLE graphile_worker.lost RENAME TO _private_jobs`.execute(database);
    await enqueue(database, "export-job", { orgId: "org", jobId: second });

    const deadline = Date.now() + patienceMs;
    while (ran.length < 3 && Date.now() < deadline) await delay(20);

    await queue.stop();
    expect(ran[0]).toBe(first);
    expect(ran.slice(1).toSorted()).toEqual([first, second]);
  },
  60_000,
);
