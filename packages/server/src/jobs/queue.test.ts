import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../adapters/postgres/embedded.ts";
import { openPostgres, type PostgresConnection } from "../adapters/postgres/open.ts";
import { beginTurn, enqueue, prepareQueue, startQueue, type TaskHandlers } from "./queue.ts";

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

afterEach(() => {
  vi.useRealTimers();
});

const nothing = async (): Promise<void> => undefined;
const idle: TaskHandlers = {
  "bill-job": nothing,
  "bill-clock": nothing,
  "schedule-clock": nothing,
  "usage-upload": nothing,
  "export-job": nothing,
  "export-clock": nothing,
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
    const queue = await startQueue({
      pool,
      logger,
      handlers: {
        ...idle,
        "export-job": async ({ jobId }) => {
          if (jobId !== first && jobId !== second) return;
          ran.push(jobId);
          if (ran.length > 1) return;
          await sql`ALTER TABLE graphile_worker._private_jobs RENAME TO lost`.execute(database);
          if (fault !== undefined) throw fault;
        },
      },
    });
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

const opened = (): PostgresConnection => {
  if (state.connection === undefined) throw new Error("no database");
  return state.connection;
};

test("what time brings comes minute after minute, also after the clock was set forward and back", async () => {
  const { pool } = opened();
  let ticks = 0;
  const countTick = async (): Promise<void> => void (ticks += 1);
  vi.useFakeTimers({ toFake: ["Date"], now: new Date("2025-06-01T00:00:00Z") });
  const handlers = { ...idle, "bill-clock": countTick };
  const queue = await startQueue({ pool, logger, handlers, tickMs: 50 });
  const more = async (): Promise<void> => {
    const before = ticks;
    await expect.poll(() => ticks, { timeout: patienceMs }).toBeGreaterThan(before + 1);
  };

  await more();
  vi.setSystemTime(new Date("2025-07-01T00:00:00Z"));
  await more();
  vi.setSystemTime(new Date("2025-05-31T00:00:00Z"));
  await more();
  await queue.stop();
}, 60_000);

test("a task that was queued while the clock was a month ahead does not wait for a month", async () => {
  const { database, pool } = opened();
  const ran: string[] = [];
  await prepareQueue(pool, logger);
  await enqueue(database, "export-job", { orgId: "org", jobId: "ahead" });
  await sql`UPDATE graphile_worker._private_jobs SET run_at = now() + interval '30 days'
            WHERE payload->>'jobId' = 'ahead'`.execute(database);
  const handlers: TaskHandlers = {
    ...idle,
    "export-job": async ({ jobId }) => void ran.push(jobId),
  };
  const queue = await startQueue({ pool, logger, handlers, tickMs: 50 });

  await expect.poll(() => ran, { timeout: patienceMs }).toEqual(["ahead"]);
  await queue.stop();
}, 60_000);

test("an organization's task waits for one of another that has queued many, not for all of them", async () => {
  const { database, pool } = opened();
  await prepareQueue(pool, logger);
  const many = ["busy 1", "busy 2", "busy 3", "busy 4", "busy 5", "busy 6"];
  for (const jobId of many) await enqueue(database, "export-job", { orgId: "busy", jobId });
  await enqueue(database, "bill-job", { orgId: "calm", jobId: "calm 1" });
  await enqueue(database, "bill-job", { orgId: "calm", jobId: "calm 2" });
  const ran: string[] = [];
  const lateIsQueued = Promise.withResolvers<undefined>();
  const note = async ({ jobId }: { jobId: string }): Promise<void> => {
    ran.push(jobId);
    // The one that has nothing waiting joins the round that the others have come to.
    if (jobId === "busy 3") {
      await enqueue(database, "bill-job", { orgId: "late", jobId: "late" });
      lateIsQueued.resolve(undefined);
    }
    if (jobId === "busy 4") await lateIsQueued.promise;
    await delay(100);
  };
  const queue = await startQueue({
    pool,
    logger,
    handlers: { ...idle, "export-job": note, "bill-job": note },
  });
  const deadline = Date.now() + patienceMs;
  while (ran.length < 9 && Date.now() < deadline) await delay(20);
  await queue.stop();

  expect(ran.slice(0, 2).toSorted()).toEqual(["busy 1", "calm 1"]);
  expect(ran.slice(2, 4).toSorted()).toEqual(["busy 2", "calm 2"]);
  // Beside the fifth: two run at once, and either may be the first to say so.
  expect(ran.indexOf("late")).toBeLessThan(ran.indexOf("busy 6"));
}, 60_000);

test("a turn is over when it has lasted and another organization's task waits, or the clock's", async () => {
  const { database, pool } = opened();
  await prepareQueue(pool, logger);
  const isOver = beginTurn(database, "own", 0);
  await enqueue(database, "bill-job", { orgId: "own", jobId: "own" });
  expect(await isOver()).toBe(false);
  await enqueue(database, "export-job", { orgId: "another", jobId: "another" });
  expect(await isOver()).toBe(true);
  expect(await beginTurn(database, "own")()).toBe(false);
  await pool.query("DELETE FROM graphile_worker._private_jobs");
  expect(await isOver()).toBe(false);
  await enqueue(database, "bill-clock", {});
  expect(await isOver()).toBe(true);
  await pool.query("DELETE FROM graphile_worker._private_jobs");
});
