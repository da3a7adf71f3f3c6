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
