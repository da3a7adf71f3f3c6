import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { beforeAll, expect, test } from "vitest";
import { openPostgres } from "../adapters/postgres/open.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { prepareQueue } from "../jobs/queue.ts";
import { createMetrics, type Metrics } from "./metrics.ts";

const logger = pino({ level: "silent" });
const connection = ownConnection();
beforeAll(() => prepareQueue(connection().pool, logger));

const ownLines = async (metrics: Metrics): Promise<string[]> =>
  (await metrics.print()).split("\n").filter((line) => line.startsWith("turnpike_"));

test("what waits in the database and what was given up is read with each page", async () => {
  const { database, pool } = connection();
  const metrics = createMetrics(database);
  const empty = [
    "turnpike_database_up 1",
    "turnpike_undelivered_measurements 0",
    "turnpike_refused_measurements 0",
  ];
  expect(await ownLines(metrics)).toEqual(empty);
  await pool.query(
    `INSERT INTO usage_outbox (org_id, measurements, count, refusal)
     VALUES ($1, '[]', 32, NULL), ($1, '[]', 7, NULL), ($1, '[]', 1, 'EndBeforeStart')`,
    [randomUUID()],
  );
  await pool.query(`
    SELECT graphile_worker.add_job('bill-job', '{}'), graphile_worker.add_job('bill-job', '{}'),
      graphile_worker.add_job('export-job', '{}', run_at => now() + interval '1 hour'),
      graphile_worker.add_job('usage-upload', '{}', max_attempts => 1)`);
  await pool.query(`
    UPDATE graphile_worker._private_jobs SET attempts = 1
    WHERE id = (SELECT id FROM graphile_worker.jobs WHERE task_identifier = 'usage-upload')`);
  expect(await ownLines(metrics)).toEqual([
    "turnpike_database_up 1",
    "turnpike_undelivered_measurements 39",
    "turnpike_refused_measurements 1",
    'turnpike_tasks{task="bill-job",state="waiting"} 2',
    'turnpike_tasks{task="export-job",state="later"} 1',
    'turnpike_tasks{task="usage-upload",state="failed"} 1',
  ]);
  await pool.query("DELETE FROM usage_outbox");
  await pool.query("DELETE FROM graphile_worker._private_jobs");
  expect(await ownLines(metrics)).toEqual(empty);
});

test("a database that is away takes its figures off the page and leaves the others", async () => {
  const away = await openPostgres(connection().pool.options.connectionString ?? "", logger);
  const metrics = createMetrics(away.database);
  metrics.answered({ method: "GET", route: "/healthz", status: 200, ms: 40 });
  expect(await ownLines(metrics)).toContain("turnpike_undelivered_measurements 0");
  await away.close();
  const lines = await ownLines(metrics);
  expect(lines.filter((line) => !line.startsWith("turnpike_http"))).toEqual([
    "turnpike_database_up 0",
  ]);
  const labels = 'method="GET",route="/healthz",status="200"';
  expect(lines).toContain(`turnpike_http_request_seconds_bucket{le="0.05",${labels}} 1`);
  expect(lines).toContain(`turnpike_http_request_seconds_bucket{le="0.025",${labels}} 0`);
});
