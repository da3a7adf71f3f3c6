import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";
import { bandsOf } from "./billing-world.ts";

/** Where one rule of a bill meets another. */
const scenario = billingScenario();
const { sell, use, commit, agree, totals, expectLines } = scenario;

const changed = async (path: string, changes: object): Promise<void> => {
  const { world } = scenario;
  await world.api.call("PUT", path, { ...(await world.get(path)), ...changes });
};

describe.concurrent("what was charged in advance, and a plan that then ends", () => {
  test("in the middle of a month: a minimum is due for its days only", async () => {
    // 310 for March. Then the end on March 21: 20/31 of 310 = 200 are due, 50 are used: 50 − 160 + 310 = 200.
    const sold = await sell({
      template: { minimumSpend: 310, minimumSpendBillInAdvance: true },
      accountPlan: { startDate: "2024-03-01T00:00:00Z" },
      bands: [[0, 1]],
      usage: [["2024-03-10", 50]],
    });
    await expectLines(sold.account, "2024-03-01", ["MINIMUM_SPEND 310", "TOTAL 310"]);
    await changed(`accountplans/${sold.accountPlanId}`, { endDate: "2024-03-21T00:00:00Z" });
    await expectLines(sold.account, "2024-04-01", [
      "USAGE 50",
      "MINIMUM_SPEND_REFUND -160",
      "TOTAL -110",
    ]);
  });

  test.each([
    // Six months are 182 days: 45 of them, then 91.
    { endDate: "2024-02-15T00:00:00Z", refund: -137 },
    { endDate: "2024-04-01T00:00:00Z", refund: -91 },
  ])("at $endDate of a half-year paid for: $refund", async ({ endDate, refund }) => {
    const sold = await sell({
      template: {
        standingCharge: 182,
        standingChargeBillInAdvance: true,
        billFrequencyInterval: 3,
        standingChargeInterval: 2,
      },
    });
    await expectLines(sold.account, "2024-01-01", ["STANDING_CHARGE 182", "TOTAL 182"]);
    await changed(`accountplans/${sold.accountPlanId}`, { endDate });
    const lines = [`STANDING_CHARGE ${refund}`, `TOTAL ${refund}`];
    await expectLines(sold.account, "2024-04-01", lines);
    expect(await totals(sold.account, "2024-07-01")).toEqual([]);
  });
});

describe.concurrent("minimums, credits and overage", () => {
  test("a global credit stops at usage, minimum and standing charge together", async () => {
    // 10 + 40 + 20 = 70 of 100.
    const { account, meter, plan } = await sell({
      template: { minimumSpend: 50, standingCharge: 20 },
      bands: [[0, 1]],
      usage: [["2024-01-10", 10]],
    });
    const goodwill = await scenario.world.aggregation(meter.id, { aggregation: "COUNT" });
    await scenario.world.price({ planId: plan.id, aggregationId: goodwill }, [[0, 100]], {
      type: "GLOBAL_CREDIT",
    });
    await expectLines(account, "2024-02-01", [
      "USAGE 10",
      "STANDING_CHARGE 20",
      "MINIMUM_SPEND 40",
      "USAGE_CREDIT -70",
      "TOTAL 0",
    ]);
  });

  test("a contract that limits charges limits the minimum: 10/31 of 310, of which 40 are used", async () => {
    const account = await scenario.world.account();
    const contractId = await agree(account, {
      startDate: "2024-01-11",
      endDate: "2024-01-21",
      applyContractPeriodLimits: true,
    });
    await sell({
      to: account,
      template: { minimumSpend: 310 },
      bands: [[0, 1]],
      accountPlan: { contractId },
      usage: [
        ["2024-01-10", 30],
        ["2024-01-15", 40],
      ],
    });
    const lines = ["USAGE 40", "MINIMUM_SPEND 60", "TOTAL 100"];
    await expectLines(account, "2024-02-01", lines);
  });

  test("two usage lines, one commitment: the second is cut where it runs out", async () => {
    // 90 pay 60 and 30; the other 30 units cost 2 each.
    const price = { overagePricingBands: bandsOf([[0, 2]]) };
    const usage = [["2024-01-10", 60]] as const;
    const { account } = await sell({ bands: [[0, 1]], price, usage });
    await sell({ to: account, bands: [[0, 1]], price, usage });
    await commit(account, 90);
    await expectLines(account, "2024-02-01", [
      "USAGE 60",
      "USAGE 30",
      "OVERAGE_USAGE 60",
      "COMMITMENT_CONSUMED -60",
      "COMMITMENT_CONSUMED -30",
      "TOTAL 60",
    ]);
  });

  test("a group's minimum in its own currency counts what its plans charge in theirs", async () => {
    // 60 USD are 30 EUR at 2: 70 EUR are missing, 140 USD; together 200 USD, the minimum of 100 EUR.
    const { world } = scenario;
    const eur = "EUR";
    await world.create("picklists/currency", { name: eur, code: eur });
    const productId = await world.product();
    const meter = await world.meter(productId);
    const plan = await world.plan(productId);
    const aggregationId = await world.aggregation(meter.id);
    await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
    const group = { name: "Bundle", currency: eur, minimumSpend: 100 };
    const planGroupId = await world.create("plangroups", group);
    await world.create("plangrouplinks", { planGroupId, planId: plan.id });
    const account = await world.account();
    const startDate = "2024-01-01T00:00:00Z";
    await world.create("accountplans", { accountId: account.id, planGroupId, startDate });
    await world.use(meter.code, account.code, [["2024-01-10", 60]]);
    const currencyConversions = [{ from: eur, to: "USD", multiplier: 2 }];
    const rows = await world.lines(account.id, "2024-02-01", { currencyConversions });
    expect(rows.toSorted()).toEqual(["MINIMUM_SPEND 140", "TOTAL 200", "USAGE 60"]);
  });
});

describe.concurrent("bills that depend on one another", () => {
  test("usage that spans the plan: late usage of January moves February's pending bill", async () => {
    // 400, then 300: 60 and T(700) − T(400) = 95 − 60 = 35. 200 more in January: T(600) = 85, T(900) − 85 = 115 − 85.
    const sold = await sell({
      bands: [
        [0, 0.15],
        [500, 0.1],
      ],
      price: { tiersSpanPlan: true },
      usage: [
        ["2024-01-10", 400],
        ["2024-02-10", 300],
      ],
    });
    await expectLines(sold.account, "2024-02-01", ["USAGE 60", "TOTAL 60"]);
    await expectLines(sold.account, "2024-03-01", ["USAGE 35", "TOTAL 35"]);
    await use(sold, [["2024-01-20", 200]]);
    await expectLines(sold.account, "2024-02-01", ["USAGE 85", "TOTAL 85"]);
    expect(await scenario.world.bills(sold.account.id, "2024-03-01")).toMatchObject([
      { billTotal: 30 },
    ]);
  });

  test("a price that changes moves the pending bill, not the approved one", async () => {
    const { world } = scenario;
    const sold = await sell({
      usage: [
        ["2024-01-10", 10],
        ["2024-02-10", 10],
      ],
    });
    const { account, plan, aggregationId } = sold;
    const pricingId = await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
    const january = await expectLines(account, "2024-02-01", ["USAGE 10", "TOTAL 10"]);
    await world.approve(january.id);
    await expectLines(account, "2024-03-01", ["USAGE 10", "TOTAL 10"]);
    await changed(`pricings/${pricingId}`, { pricingBands: bandsOf([[0, 2]]) });
    await expectLines(account, "2024-03-01", ["USAGE 20", "TOTAL 20"]);
    expect(await world.bills(account.id, "2024-02-01")).toMatchObject([{ billTotal: 10 }]);
  });
});

describe.concurrent("parents and children", () => {
  const family = async (sale: Parameters<typeof sell>[0] = {}) => {
    const sold = await sell({ bands: [[0, 1]], ...sale });
    const child = await scenario.world.account({ parentAccountId: sold.account.id });
    return { sold, parent: sold.account, child };
  };

  test("a minimum of a plan that bills each child counts what all of them use", async () => {
    // 30 + 60 of 200: the parent's bill tops up 110.
    const { sold, parent, child } = await family({
      template: { minimumSpend: 200 },
      accountPlan: { childBillingMode: "CHILD" },
    });
    await use(sold, [["2024-01-10", 30]]);
    await use(sold, [["2024-01-10", 60]], child);
    await expectLines(parent, "2024-02-01", ["USAGE 30", "MINIMUM_SPEND 110", "TOTAL 140"]);
    await expectLines(child, "2024-02-01", ["USAGE 60", "TOTAL 60"]);
  });

  test("a child's standing charge in advance stands on the parent's bill of that day", async () => {
    const { parent, child } = await family();
    const template = { standingCharge: 10, standingChargeBillInAdvance: true };
    await sell({ to: child, template });
    for (const billDate of ["2024-01-01", "2024-02-01"]) {
      const lines = [`STANDING_CHARGE ${child.code} 10`, "TOTAL 10"];
      await expectLines(parent, billDate, lines);
    }
  });

  test("a child's prepayment is billed to the parent, unless it is the child that is billed", async () => {
    const { parent, child } = await family();
    const feeDates = [
      {
        date: "2024-01-20",
        amount: 400,
        servicePeriodStartDate: "2024-01-01T00:00:00Z",
        servicePeriodEndDate: "2024-07-01T00:00:00Z",
      },
    ];
    await commit(child, 400, { feeDates });
    await commit(child, 400, { feeDates, childBillingMode: "CHILD" });
    expect(await totals(parent, "2024-01-20")).toEqual([400]);
    await expectLines(child, "2024-01-20", ["COMMITMENT_FEE 400", "TOTAL 400"]);
  });
});

test("consolidated: all frequencies on one bill, but for a contract that has its own", async () => {
  const { world } = scenario;
  const monthly = await sell({ template: { standingCharge: 31 } });
  const { account } = monthly;
  await sell({ to: account, template: { standingCharge: 1, billFrequency: "DAILY" } });
  const key = { name: world.fresh("key"), exclusive: true };
  const billGroupingKeyId = await world.create("picklists/billgroupingkeys", key);
  const contractId = await agree(account, { billGroupingKeyId });
  await sell({ to: account, template: { standingCharge: 2 }, accountPlan: { contractId } });
  await world.configure({ consolidateBills: true });
  expect(await totals(account, "2024-02-01")).toEqual([2, 32]);
  await world.configure({ consolidateBills: false });
});
