import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { resources } from "@turnpike/contract/resources.ts";
import { ensureOrganization, newOrganizationId } from "../access/organizations.ts";
import { newKeyPair } from "../access/service-user-keys.ts";
import { openUsageStore } from "../adapters/duckdb/usage-store.ts";
import { MemoryUsageDirectory } from "../adapters/memory/usage-directory.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { runBillJob } from "./bill-run.ts";

const connection = ownConnection();
const orgId = newOrganizationId();
const at = new Date("2024-02-01T00:00:00Z");

beforeAll(async () => {
  const credentials = { orgId, ...newKeyPair() };
  await ensureOrganization(connection().database, resources, { credentials, at });
});

/** A job for so many accounts, none of which has anything to be billed for. */
const jobFor = async (accounts: number): Promise<{ orgId: string; jobId: string }> => {
  const { database } = connection();
  const jobId = randomUUID();
  await sql`
    INSERT INTO record (org_id, kind, id, code, version, document, dt_created, dt_last_modified, created_by, last_modified_by)
    SELECT ${orgId}, 'account', gen_random_uuid(), 'account-' || n, 1,
      jsonb_build_object('code', 'account-' || n, 'name', 'A', 'emailAddress', 'a@example.com'), ${at}, ${at}, 'test', 'test'
    FROM generate_series(1, ${accounts}::int) AS n`.execute(database);
  await database
    .insertInto("bill_job")
    .values({
      org_id: orgId,
      id: jobId,
      type: "CREATE",
      status: "PENDING",
      version: 1,
      request: JSON.stringify({ billDate: "2024-02-01" }),
      dt_created: at,
      dt_last_modified: at,
      created_by: "test",
      last_modified_by: "test",
    })
    .execute();
  await sql`
    INSERT INTO bill_job_account (org_id, job_id, account_id)
    SELECT org_id, ${jobId}, id FROM record WHERE org_id = ${orgId} AND kind = 'account'`.execute(
    database,
  );
  return { orgId, jobId };
};

test("a job whose turn is over leaves its place with what is done, and goes on when it comes again", async () => {
  const { database } = connection();
  const key = await jobFor(1001);
  const folder = await mkdtemp(join(tmpdir(), "turnpike-bill-run-"));
  const usage = await openUsageStore({
    path: join(folder, "usage.duckdb"),
    directory: new MemoryUsageDirectory(),
    worker: new URL("../usage-worker.ts", import.meta.url),
    startedAtMs: at.getTime(),
  });
  onTestFinished(async () => {
    await usage.close();
    await rm(folder, { recursive: true, force: true });
  });
  const turns: string[] = [];
  const run = () =>
    runBillJob({ database, usage, now: () => at }, key, {
      settle: async () => new Set(),
      again: async ({ jobId }) => void turns.push(jobId),
      isTurnOver: async () => turns.length === 0,
    });
  const standing = async () => {
    const { rows } = await sql`
      SELECT status, (SELECT count(*)::int FROM bill_job_account AS a WHERE a.job_id = j.id AND is_done) AS done
      FROM bill_job AS j WHERE id = ${key.jobId}`.execute(database);
    return rows;
  };
  await run();
  expect(turns).toEqual([key.jobId]);
  expect(await standing()).toEqual([{ status: "RUNNING", done: 1000 }]);
  await run();
  expect(turns).toEqual([key.jobId]);
  expect(await standing()).toEqual([{ status: "COMPLETE", done: 1001 }]);
});
