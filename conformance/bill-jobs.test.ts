import { afterAll, beforeAll, expect, test } from "vitest";
import { openReachableWorld, type ReachableWorld } from "./reachable-database.ts";

const state: { opened?: ReachableWorld } = {};
const opened = (): ReachableWorld => {
  if (state.opened === undefined) throw new Error("no server");
  return state.opened;
};

beforeAll(async () => {
  state.opened = await openReachableWorld();
});
afterAll(() => state.opened?.close());

/** Jobs that no worker will ever run. */
const stuckJobs = async (count: number): Promise<string[]> => {
  const { orgId } = opened().world.server;
  const rows = await opened().query(
    `INSERT INTO bill_job (org_id, id, version, type, status, request, dt_created, dt_last_modified, created_by, last_modified_by)
     SELECT $1, gen_random_uuid(), 1, 'CREATE', 'RUNNING', '{}', now(), now(), 'tester', 'tester'
     FROM generate_series(1, $2) RETURNING id`,
    [orgId, count],
  );
  return rows.map(({ id }) => String(id));
};

test("ten jobs are under way at most; one that is cancelled makes room, for good (18.7)", async () => {
  const { world } = opened();
  const account = await world.account();
  const request = { accountIds: [account.id], billDate: "2024-02-01" };
  const [first = ""] = await stuckJobs(9);
  // The tenth is taken and ends; a stuck one takes its place.
  await world.finish(await world.startJob(request));
  await stuckJobs(1);
  await expect(world.startJob(request)).rejects.toThrow(/: 429 /);
  expect(await world.api.call("POST", `billjobs/${first}/cancel`, {})).toMatchObject({
    id: first,
    status: "CANCELLED",
  });
  const taken = await world.startJob(request);
  expect(await world.finish(taken)).toMatchObject({ status: "COMPLETE" });
  // What has ended stays as it is.
  expect(await world.api.call("POST", `billjobs/${taken}/cancel`, {})).toMatchObject({
    status: "COMPLETE",
  });
  expect(await world.get(`billjobs/${first}`)).toMatchObject({ status: "CANCELLED" });
});

test("an account whose records nobody can read keeps no others from their bills, and is named when the job gives up", async () => {
  const { world, query } = opened();
  const plan = await world.plan(await world.product(), { standingCharge: 10 });
  const broken = await world.plan(await world.product(), { standingCharge: 10 });
  const accounts = [await world.account(), await world.account(), await world.account()];
  const [, bad] = accounts;
  for (const account of accounts)
    await world.attach(account.id, account === bad ? broken.id : plan.id);
  await query(
    `UPDATE record SET document = jsonb_set(document, '{standingCharge}', '"ten"') WHERE id = $1`,
    [broken.templateId],
  );
  const jobId = await world.startJob({
    billDate: "2025-02-01",
    accountIds: accounts.map(({ id }) => id),
  });
  await expect
    .poll(() => world.get(`billjobs/${jobId}`), { timeout: 20_000 })
    .toMatchObject({ status: "RUNNING", total: 3, pending: 1 });
  const bills = await Promise.all(accounts.map(({ id }) => world.bills(id, "2025-02-01")));
  expect(bills.map((own) => own.length)).toEqual([1, 0, 1]);

  await query(
    "UPDATE bill_job SET dt_created = dt_created - interval '1 hour 1 minute' WHERE id = $1",
    [jobId],
  );
  await query(
    "SELECT graphile_worker.reschedule_jobs(array_agg(id), run_at => now()) FROM graphile_worker.jobs WHERE attempts > $1",
    [0],
  );
  expect(await world.finish(jobId)).toMatchObject({ pending: 0 });
  expect(await world.get(`billjobs/${jobId}`)).toMatchObject({
    failures: [{ accountId: bad?.id, failures: [{ failure: "UNEXPECTED" }] }],
  });
});
