import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bill, BillingWorld, rowsOf } from "./billing-world.ts";

/** Runs that repeat, overlap and die: the bills are those of one undisturbed run. */
let world: BillingWorld;
const accountIds: string[] = [];
const accounts = 60;

beforeAll(async () => {
  world = await BillingWorld.open();
  const productId = await world.product();
  const meter = await world.meter(productId);
  const plan = await world.plan(productId, { standingCharge: 2 });
  const aggregationId = await world.aggregation(meter.id);
  await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
  for (let index = 0; index < accounts; index += 1) {
    const { id, code } = await world.account();
    accountIds.push(id);
    await world.attach(id, plan.id);
    await world.create("commitments", {
      accountId: id,
      startDate: "2024-01-01",
      endDate: "2025-01-01",
      currency: "USD",
      amount: 100,
    });
    await world.use(meter.code, code, [
      ["2024-01-10", 60],
      ["2024-02-10", 60],
    ]);
  }
}, 120_000);
afterAll(() => world.close());

const bills = async (billDate: string): Promise<Bill[]> => {
  const found = await Promise.all(accountIds.map((id) => world.bills(id, billDate)));
  return found.flat();
};

const spent = async (): Promise<unknown[]> => {
  const found = await world.list("commitments?pageSize=100");
  return found.map(({ amountSpent }) => amountSpent);
};

/** 60 of usage and the standing charge 2 are covered by the 100. */
const january = [
  "USAGE 60",
  "STANDING_CHARGE 2",
  "COMMITMENT_CONSUMED -60",
  "COMMITMENT_CONSUMED -2",
  "TOTAL 0",
].toSorted();
/** 38 are left: 60 + 2 − 38 = 24. */
const februaryTotal = 24;

test("two runs at once make one bill for each account and draw once", async () => {
  const jobs = await Promise.all([0, 1].map(() => world.startJob({ billDate: "2024-02-01" })));
  await Promise.all(jobs.map((job) => world.finish(job)));
  const made = await bills("2024-02-01");
  expect(made).toHaveLength(accounts);
  for (const bill of made) expect(rowsOf(bill).toSorted()).toEqual(january);
  expect(await spent()).toEqual(Array.from({ length: accounts }, () => 62));
});

test("a run that is killed goes on after the restart, with the same result", async () => {
  const job = await world.startJob({ billDate: "2024-03-01" });
  await world.server.kill();
  await world.restart();
  await world.finish(job);
  const made = await bills("2024-03-01");
  expect(made).toHaveLength(accounts);
  for (const bill of made) expect(bill.billTotal).toBe(februaryTotal);
  expect(await spent()).toEqual(Array.from({ length: accounts }, () => 100));
});

test("a run of an unchanged month leaves the later month alone", async () => {
  const before = await bills("2024-03-01");
  await world.finish(await world.startJob({ billDate: "2024-02-01" }));
  expect(await bills("2024-03-01")).toEqual(before);
});
