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

  test("what a later bill puts right of a summary stays apart from its own, so that a credit pays it once", async () => {
    const { meter, plan } = await shop();
    const parent = await world.account();
    const child = await world.account({ parentAccountId: parent.id });
    await world.attach(child.id, plan.id, { childBillingMode: "PARENT_SUMMARY" });
    await commit(parent.id, 100);
    await world.use(meter.code, child.code, [["2024-01-10", 30]]);
    const [january] = await world.bill(parent.id, "2024-02-01");
    await world.approve(january?.id ?? "");
    await world.use(meter.code, child.code, [
      ["2024-01-20", 10],
      ["2024-02-10", 20],
    ]);
    // January's 10 that came late, and 20 of February.
    expect(await world.lines(parent.id, "2024-03-01")).toEqual([
      `USAGE ${child.code} 10`,
      `USAGE ${child.code} 20`,
      `COMMITMENT_CONSUMED ${child.code} -10`,
      `COMMITMENT_CONSUMED ${child.code} -20`,
      "TOTAL 0",
    ]);
    // 30 + 10 + 20.
    expect(await spent(parent.id)).toBe(60);
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

  test.each(["PARENT_BREAKDOWN", "PARENT_SUMMARY"])(
    "what children pay in advance is settled for each of them, however it is shown: %s",
    async (childBillingMode) => {
      const productId = await world.product();
      const meter = await world.meter(productId);
      const plan = await world.plan(productId, {
        minimumSpend: 10,
        minimumSpendBillInAdvance: true,
        standingCharge: 31,
        standingChargeBillInAdvance: true,
      });
      const aggregationId = await world.aggregation(meter.id);
      await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
      const parent = await world.account();
      const attached: string[] = [];
      for (const amount of [4, 5]) {
        const child = await world.account({ parentAccountId: parent.id });
        attached.push(await world.attach(child.id, plan.id, { childBillingMode }));
        await world.use(meter.code, child.code, [["2024-01-12", amount]]);
      }
      const total = async (billDate: string) =>
        (await world.bill(parent.id, billDate)).map(({ billTotal }) => billTotal);
      // Each 10 and 31 for the month that begins; of January's 10 the 4 and 5 come back that were used.
      expect(await total("2024-01-01")).toEqual([82]);
      expect(await total("2024-02-01")).toEqual([82]);
      for (const id of attached) {
        const current = await world.get(`accountplans/${id}`);
        const endDate = "2024-02-11T00:00:00Z";
        await world.api.call("PUT", `accountplans/${id}`, { ...current, endDate });
      }
      // Ten of 29 days cost each of them 10.69 of its 31, and at least 3.45 of its 10.
      expect(await total("2024-03-01")).toEqual([-2 * (20.31 + 6.55)]);
    },
  );

  test("what a summary charged in advance is settled by the next parent of its children, too", async () => {
    const productId = await world.product();
    const meter = await world.meter(productId);
    const terms = { minimumSpend: 10, minimumSpendBillInAdvance: true };
    const plan = await world.plan(productId, terms);
    const aggregationId = await world.aggregation(meter.id);
    await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
    const [first, next] = [await world.account(), await world.account()];
    const children: string[] = [];
    for (let count = 0; count < 2; count += 1) {
      const child = await world.account({ parentAccountId: first.id });
      children.push(child.id);
      await world.attach(child.id, plan.id, { childBillingMode: "PARENT_SUMMARY" });
      await world.use(meter.code, child.code, [["2024-01-12", 4]]);
    }
    const totals = async (account: { id: string }, billDate: string) =>
      (await world.bill(account.id, billDate)).map(({ billTotal }) => billTotal);
    expect(await totals(first, "2024-01-01")).toEqual([20]);
    for (const id of children) {
      const current = await world.get(`accounts/${id}`);
      await world.api.call("PUT", `accounts/${id}`, { ...current, parentAccountId: next.id });
    }
    // January has its 20; they are for February.
    expect(await totals(next, "2024-02-01")).toEqual([20]);
  });

  describe("a child's weekly plan on the bills of a parent that gets a monthly plan in February", () => {
    const mondays = (from: string, count: number): string[] =>
      Array.from({ length: count }, (_, nth) =>
        Temporal.PlainDate.from(from).add({ weeks: nth }).toString(),
      );
    /** What the parent's bills ask for, once each of those dates was run. */
    const totals = async (accountId: string, dates: readonly string[]): Promise<string[]> => {
      for (const billDate of dates)
        await world.finish(await world.startJob({ billDate, accountIds: [accountId] }));
      const bills = await world.list(`bills?accountId=${accountId}&pageSize=100`);
      return bills
        .filter(({ billTotal }) => billTotal !== 0)
        .map((one) => [one["billDate"], one["billingFrequency"], one["billTotal"]].join(" "))
        .toSorted();
    };
    const january = mondays("2024-01-08", 4).map((date) => `${date} WEEKLY 7`);
    const allDates = [...mondays("2024-01-01", 14), "2024-02-01", "2024-03-01", "2024-04-01"];

    const family = async (weekly: object) => {
      const [product, ofParent] = [await world.product(), await shop()];
      const meter = await world.meter();
      await world.configure({ weekEpoch: "2024-01-01", monthEpoch: "2024-01-01" });
      const parent = await world.account();
      const child = await world.account({ parentAccountId: parent.id });
      const { id: planId } = await world.plan(product, { billFrequency: "WEEKLY", ...weekly });
      const aggregationId = await world.aggregation(meter.id);
      await world.price({ planId, aggregationId }, [[0, 1]]);
      await world.attach(child.id, planId);
      // One a day, until the Sunday before April.
      await world.use(
        meter.code,
        child.code,
        Array.from({ length: 91 }, (_, day): [string, number] => [
          Temporal.PlainDate.from("2024-01-01").add({ days: day }).toString(),
          1,
        ]),
      );
      return { parent, monthly: ofParent.plan };
    };

    test("each week is charged once: those that ended before stay on bills of their own", async () => {
      const { parent, monthly } = await family({});
      expect(await totals(parent.id, mondays("2024-01-08", 4))).toEqual(january);
      await world.attach(parent.id, monthly.id, { startDate: "2024-02-01T00:00:00Z" });
      // Weeks end on Sunday: 4, 11, 18, 25 February, and 3, 10, 17, 24, 31 March; what is billed on 1 April, ended on 31 March.
      const expected = [...january, "2024-03-01 MONTHLY 28", "2024-04-01 MONTHLY 35"];
      expect(await totals(parent.id, allDates)).toEqual(expected);
      expect(await totals(parent.id, allDates)).toEqual(expected);
    });

    test("what weeks cost in advance is on the bill of the week that ends as they begin", async () => {
      const standing = { standingCharge: 10, standingChargeBillInAdvance: true };
      const { parent, monthly } = await family(standing);
      await world.attach(parent.id, monthly.id, { startDate: "2024-02-01T00:00:00Z" });
      expect(await totals(parent.id, allDates)).toEqual([
        "2024-01-01 WEEKLY 10",
        ...mondays("2024-01-08", 4).map((date) => `${date} WEEKLY 17`),
        `2024-03-01 MONTHLY ${4 * 17}`,
        `2024-04-01 MONTHLY ${5 * 17}`,
      ]);
    });

    const atLeast = { minimumSpend: 10, minimumSpendBillInAdvance: true };

    test("what a week costs at least is charged once where one bill opens and closes it", async () => {
      const { parent, monthly } = await family(atLeast);
      await world.attach(parent.id, monthly.id, { startDate: "2024-02-01T00:00:00Z" });
      // 7 were used in each of the weeks that end, and 3 are missing; 10 for the next one: each comes to 10.
      expect(await totals(parent.id, allDates)).toEqual([
        ...mondays("2024-01-01", 5).map((date) => `${date} WEEKLY 10`),
        "2024-03-01 MONTHLY 40",
        "2024-04-01 MONTHLY 50",
      ]);
    });

    test("what a week costs at least is charged once where a bill closes it before the month ends that would open it", async () => {
      const { parent, monthly } = await family(atLeast);
      await world.attach(parent.id, monthly.id, {
        startDate: "2024-02-01T00:00:00Z",
        endDate: "2024-03-12T00:00:00Z",
      });
      // Each week has its 10 once: those of the weeks that begin on 11 and 18 March stand on the first one's own bill.
      const expected = [
        ...mondays("2024-01-01", 5).map((date) => `${date} WEEKLY 10`),
        "2024-03-01 MONTHLY 40",
        "2024-03-18 WEEKLY 20",
        "2024-03-25 WEEKLY 10",
        // The week that begins on 4 March: that of 26 February was opened before.
        "2024-04-01 MONTHLY 10",
        "2024-04-01 WEEKLY 10",
      ];
      expect(await totals(parent.id, allDates)).toEqual(expected);
      expect(await totals(parent.id, allDates)).toEqual(expected);
    });

    test("when the parent's plan has ended, weeks have bills of their own again", async () => {
      const { parent, monthly } = await family({});
      await world.attach(parent.id, monthly.id, {
        startDate: "2024-02-01T00:00:00Z",
        endDate: "2024-03-12T00:00:00Z",
      });
      expect(await totals(parent.id, allDates)).toEqual([
        ...january,
        "2024-03-01 MONTHLY 28",
        "2024-03-18 WEEKLY 7",
        "2024-03-25 WEEKLY 7",
        // The weeks that ended on 3 and 10 March, and the last one, on 31 March.
        "2024-04-01 MONTHLY 14",
        "2024-04-01 WEEKLY 7",
      ]);
    });
  });
});
