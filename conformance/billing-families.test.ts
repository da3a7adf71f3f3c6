import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BillingWorld, rowsOf } from "./billing-world.ts";

/** Parents and children share plans and credits, so a bill of one may change with a bill of another. */
describe("bills of a family (m3ter semantics 14.2)", () => {
  let world: BillingWorld;
  beforeAll(async () => {
    world = await BillingWorld.open();
  });
  afterAll(() => world.close());

  const shop = async () => {
    const productId = await world.product();
    const meter = await world.meter(productId);
    const aggregationId = await world.aggregation(meter.id);
    const plan = await world.plan(productId);
    await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
    return { meter, plan };
  };

  const commit = (accountId: string, amount: number, changes = {}): Promise<string> =>
    world.create("commitments", {
      accountId,
      startDate: "2024-01-01",
      endDate: "2025-01-01",
      currency: "USD",
      amount,
      ...changes,
    });

  const spent = async (accountId: string): Promise<unknown> =>
    (await world.list(`commitments?accountId=${accountId}`))[0]?.["amountSpent"];

  test("a child's bill that takes more of its credit takes its parent's bills along", async () => {
    // The child's 100 pay for its own bill and for what of it stands on the parent's.
    const [own, shared] = [await shop(), await shop()];
    const parent = await world.account();
    const child = await world.account({ parentAccountId: parent.id });
    await world.attach(child.id, own.plan.id, { childBillingMode: "CHILD" });
    await world.attach(child.id, shared.plan.id, { childBillingMode: "PARENT_BREAKDOWN" });
    await commit(child.id, 100, { childBillingMode: "CHILD" });
    await world.use(own.meter.code, child.code, [["2024-01-10", 30]]);
    await world.use(shared.meter.code, child.code, [
      ["2024-01-10", 40],
      ["2024-02-10", 50],
    ]);
    const accountIds = [parent.id, child.id];
    for (const billDate of ["2024-02-01", "2024-03-01"]) {
      await world.finish(await world.startJob({ billDate, accountIds }));
    }
    const totals = async () => {
      const dates = ["2024-02-01", "2024-03-01"];
      const bills = await Promise.all(dates.map((date) => world.bills(parent.id, date)));
      return bills.flat().map(({ billTotal }) => billTotal);
    };
    // January: 30 and 40 of the 100. February: 50, of which 30 are left: 20.
    expect(await totals()).toEqual([0, 20]);
    // 50 more in January on the child's own bill: 80; 20 are left for the 40, and nothing for February.
    await world.use(own.meter.code, child.code, [["2024-01-20", 50]]);
    expect(await world.lines(child.id, "2024-02-01")).toEqual([
      "USAGE 80",
      "COMMITMENT_CONSUMED -80",
      "TOTAL 0",
    ]);
    expect(await totals()).toEqual([20, 50]);
    expect(await spent(child.id)).toBe(100);
  });

  test("a parent's commitment that pays for children is shared among their bills, first come first served", async () => {
    const { meter, plan } = await shop();
    const parent = await world.account();
    const children = await Promise.all(
      [0, 1].map(() => world.account({ parentAccountId: parent.id })),
    );
    await commit(parent.id, 100, { childBillingMode: "CHILD" });
    for (const { id, code } of children) {
      await world.attach(id, plan.id, { childBillingMode: "CHILD" });
      await world.use(meter.code, code, [["2024-01-10", 70]]);
    }
    const accountIds = children.map(({ id }) => id);
    await world.finish(await world.startJob({ billDate: "2024-02-01", accountIds }));
    const bills = await Promise.all(accountIds.map((id) => world.bills(id, "2024-02-01")));
    const totals = bills.flat().map(({ billTotal }) => billTotal);
    // 140 − 100 = 40.
    expect(totals.toSorted((a, b) => a - b)).toEqual([0, 40]);
    expect(await spent(parent.id)).toBe(100);
    // One is deleted, and the other one, run again, takes what it gave back.
    const paid = bills.flat().find(({ billTotal }) => billTotal === 0);
    const open = bills.flat().find(({ billTotal }) => billTotal === 40);
    await world.api.call("DELETE", `bills/${paid?.id}`);
    expect(await world.lines(open?.accountId ?? "", "2024-02-01")).toEqual([
      "USAGE 70",
      "COMMITMENT_CONSUMED -70",
      "TOTAL 0",
    ]);
    expect(await spent(parent.id)).toBe(70);
  });

  test("counters of a parent's pool are priced as one", async () => {
    // Up to 20 at 2, above at 3: 15 and 10 seats are 40 + 15 = 55.
    const productId = await world.product();
    const plan = await world.plan(productId);
    const counterId = await world.create("counters", { name: "Seats", unit: "seat", productId });
    await world.create("counterpricings", {
      counterId,
      planId: plan.id,
      startDate: "2024-01-01T00:00:00Z",
      cumulative: true,
      runningTotalBillInAdvance: false,
      proRateRunningTotal: false,
      pricingBands: [
        { lowerLimit: 0, unitPrice: 2, fixedPrice: 0 },
        { lowerLimit: 20, unitPrice: 3, fixedPrice: 0 },
      ],
    });
    const parent = await world.account();
    const child = await world.account({ parentAccountId: parent.id });
    await world.attach(parent.id, plan.id);
    for (const [accountId, value] of [
      [parent.id, 15],
      [child.id, 10],
    ] as const) {
      await world.create("counteradjustments", {
        accountId,
        counterId,
        date: "2023-12-01",
        value,
      });
    }
    const [bill] = await world.bill(parent.id, "2024-02-01");
    if (bill === undefined) throw new Error("no bill");
    expect(rowsOf(bill)).toEqual(["COUNTER_RUNNING_TOTAL_CHARGE 55", "TOTAL 55"]);
  });
});
