import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";
import { bandsOf } from "./billing-world.ts";

/** Prepayments: what they pay for and in which order, what lies beyond them, their fees (m3ter semantics 15). */
const scenario = billingScenario();
const { sell, use, commit, fund, charge, agree, count, expectLines } = scenario;

/** What each of the account's commitments has paid, smallest first. */
const spent = async (account: { readonly id: string }): Promise<number[]> => {
  const commitments = await scenario.world.list(`commitments?accountId=${account.id}`);
  return commitments.map(({ amountSpent }) => Number(amountSpent)).toSorted((a, b) => a - b);
};

describe.concurrent("draw-downs (15.3, 15.4, 15.5)", () => {
  test("the worked case: $15,000 at $0.46, 1 % beyond it, fees of 1,250 a month (15.8)", async () => {
    // 20,000 × 0.46 = 9,200, covered. 18,000 × 0.46 = 8,280: 5,800 are left, 1 % of 2,480 = 24.80.
    // March, 100 × 0.46 = 46, finds nothing: 46 + 0.46 + 1,250 = 1,296.46.
    const { account, plan } = await sell({
      bands: [[0, 0.46]],
      usage: [
        ["2024-01-05", 20_000],
        ["2024-02-05", 18_000],
        ["2024-03-05", 100],
      ],
    });
    const billing = { billingPlanId: plan.id, billingInterval: 1, billingOffset: 0 };
    await commit(account, 15_000, { ...billing, overageSurchargePercent: 1 });
    await expectLines(account, "2024-02-01", [
      "USAGE 9200",
      "COMMITMENT_CONSUMED -9200",
      "COMMITMENT_FEE 1250",
      "TOTAL 1250",
    ]);
    await expectLines(account, "2024-03-01", [
      "USAGE 8280",
      "COMMITMENT_CONSUMED -5800",
      "OVERAGE_SURCHARGE 24.8",
      "COMMITMENT_FEE 1250",
      "TOTAL 3754.8",
    ]);
    await expectLines(account, "2024-04-01", [
      "USAGE 46",
      "OVERAGE_SURCHARGE 0.46",
      "COMMITMENT_FEE 1250",
      "TOTAL 1296.46",
    ]);
    expect(await spent(account)).toEqual([15_000]);
  });

  test("usage first, then minimum spend, then standing charge", async () => {
    // 30 + 20 (to 50) + 10 are owed; 55 are there.
    const { account } = await sell({
      template: { minimumSpend: 50, standingCharge: 10 },
      bands: [[0, 1]],
      usage: [["2024-01-05", 30]],
    });
    await commit(account, 55);
    await expectLines(account, "2024-02-01", [
      "USAGE 30",
      "MINIMUM_SPEND 20",
      "STANDING_CHARGE 10",
      "COMMITMENT_CONSUMED -30",
      "COMMITMENT_CONSUMED -20",
      "COMMITMENT_CONSUMED -5",
      "TOTAL 5",
    ]);
  });

  test("in one currency: what bills took of $100 is not taken of 100 of another kind", async () => {
    const { world } = scenario;
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-10", 40]] });
    const path = `commitments/${await commit(account, 100)}`;
    await expectLines(account, "2024-02-01", ["USAGE 40", "COMMITMENT_CONSUMED -40", "TOTAL 0"]);
    const drawn = await world.get(path);
    const change = world.api.call("PUT", path, { ...drawn, currency: "EUR" });
    await expect(change).rejects.toThrow("currency cannot be changed");
    await world.api.call("PUT", path, { ...drawn, amount: 90 });
  });

  test("only for its line types; never for charges", async () => {
    const { account } = await sell({
      template: { standingCharge: 10 },
      bands: [[0, 1]],
      usage: [["2024-01-05", 30]],
    });
    await commit(account, 100, { lineItemTypes: ["STANDING_CHARGE"] });
    await charge(account, { amount: 7 });
    await expectLines(account, "2024-02-01", [
      "USAGE 30",
      "STANDING_CHARGE 10",
      "AD_HOC 7",
      "COMMITMENT_CONSUMED -10",
      "TOTAL 37",
    ]);
  });

  test("only for its products", async () => {
    const first = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 60]] });
    const { account } = first;
    await sell({ to: account, bands: [[0, 1]], usage: [["2024-01-05", 40]] });
    await commit(account, 100, { productIds: [first.productId] });
    const lines = ["USAGE 60", "USAGE 40", "COMMITMENT_CONSUMED -60", "TOTAL 40"];
    await expectLines(account, "2024-02-01", lines);
  });

  test("only for what is charged under its contract", async () => {
    const outside = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 60]] });
    const { account } = outside;
    const contractId = await agree(account);
    const accountPlan = { contractId };
    await sell({ to: account, accountPlan, bands: [[0, 1]], usage: [["2024-01-05", 40]] });
    await commit(account, 100, { contractId });
    const lines = ["USAGE 60", "USAGE 40", "COMMITMENT_CONSUMED -40", "TOTAL 60"];
    await expectLines(account, "2024-02-01", lines);
  });

  test("only for its own days: to January 16", async () => {
    // Usage of January 10, not of January 20; 15 of 31 days of the standing charge: 15.
    const { account } = await sell({
      template: { standingCharge: 31 },
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 30],
        ["2024-01-20", 40],
      ],
    });
    await commit(account, 100, { endDate: "2024-01-16" });
    await expectLines(account, "2024-02-01", [
      "USAGE 70",
      "STANDING_CHARGE 31",
      "COMMITMENT_CONSUMED -30",
      "COMMITMENT_CONSUMED -15",
      "TOTAL 56",
    ]);
  });

  test("seats: carried over and added, not those given back", async () => {
    // January: 10 added, 20; carried into February, 20. February 10: back to 6, 6 × 2 − 10 × 2 = −8; carried into
    // March, 12, of which the 8 given back pay their part before the commitment does.
    const sold = await sell({});
    await count(sold, [[0, 2]], {
      values: [
        ["2024-01-10", 10],
        ["2024-02-10", 6],
      ],
    });
    await commit(sold.account, 100);
    await expectLines(sold.account, "2024-02-01", [
      "COUNTER_ADJUSTMENT_DEBIT 20",
      "COUNTER_RUNNING_TOTAL_CHARGE 20",
      "COMMITMENT_CONSUMED -20",
      "COMMITMENT_CONSUMED -20",
      "TOTAL 0",
    ]);
    await expectLines(sold.account, "2024-03-01", [
      "COUNTER_ADJUSTMENT_CREDIT -8",
      "COUNTER_RUNNING_TOTAL_CHARGE 12",
      "COMMITMENT_CONSUMED -4",
      "TOTAL 0",
    ]);
  });

  test("of several the one that ends first", async () => {
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 70]] });
    await commit(account, 100);
    await commit(account, 50, { endDate: "2024-07-01" });
    const drawn = ["COMMITMENT_CONSUMED -50", "COMMITMENT_CONSUMED -20"];
    await expectLines(account, "2024-02-01", ["USAGE 70", ...drawn, "TOTAL 0"]);
    expect(await spent(account)).toEqual([20, 50]);
  });

  test.each([
    { order: undefined, lines: ["COMMITMENT_CONSUMED -60", "BALANCE_CONSUMED -10", "TOTAL 0"] },
    {
      order: ["BALANCE", "PREPAYMENT"],
      lines: ["BALANCE_CONSUMED -50", "COMMITMENT_CONSUMED -20", "TOTAL 0"],
    },
    { order: ["PREPAYMENT"], lines: ["COMMITMENT_CONSUMED -60", "TOTAL 10"] },
    { order: ["BALANCE"], lines: ["BALANCE_CONSUMED -50", "TOTAL 20"] },
  ])("with a balance of 50 beside it, in the account's order $order", async ({ order, lines }) => {
    const { account } = await sell({
      account: { creditApplicationOrder: order },
      bands: [[0, 1]],
      usage: [["2024-01-05", 70]],
    });
    await commit(account, 60);
    await fund(account, 50);
    await expectLines(account, "2024-02-01", ["USAGE 70", ...lines]);
  });
});

describe.concurrent("beyond a commitment (15.4, 15.6)", () => {
  test("$10 a unit and 10 %: units above the credit cost $11 (documented)", async () => {
    const { account } = await sell({ bands: [[0, 10]], usage: [["2024-01-05", 8]] });
    await commit(account, 50, { overageSurchargePercent: 10 });
    // 3 × 11 = 33.
    await expectLines(account, "2024-02-01", [
      "USAGE 80",
      "COMMITMENT_CONSUMED -50",
      "OVERAGE_SURCHARGE 3",
      "TOTAL 33",
    ]);
  });

  test("a negative surcharge is a discount", async () => {
    // 40 lie beyond: −10 % of 40.
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 100]] });
    await commit(account, 60, { overageSurchargePercent: -10 });
    await expectLines(account, "2024-02-01", [
      "USAGE 100",
      "COMMITMENT_CONSUMED -60",
      "OVERAGE_SURCHARGE -4",
      "TOTAL 36",
    ]);
  });

  test("usage of a product that it does not cover is not overage", async () => {
    // 20 of the first product's 30 are paid, 10 % of its other 10; the second's 30 are nothing to this commitment.
    const first = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 30]] });
    const { account } = first;
    await sell({ to: account, bands: [[0, 1]], usage: [["2024-01-05", 30]] });
    await commit(account, 20, { overageSurchargePercent: 10, productIds: [first.productId] });
    await expectLines(account, "2024-02-01", [
      "USAGE 30",
      "USAGE 30",
      "COMMITMENT_CONSUMED -20",
      "OVERAGE_SURCHARGE 1",
      "TOTAL 41",
    ]);
  });

  const tiers = [
    [0, 1],
    [50, 0.5],
  ] as const;

  test("separate overage stands on a line of its own, at its ordinary price", async () => {
    // 50 × 1 + 50 × 0.5 = 75. 60 buy 50 + 20 units; the other 30 cost 15.
    const sold = await sell({ bands: tiers, usage: [["2024-01-05", 100]] });
    await commit(sold.account, 60, { separateOverageUsage: true });
    const bill = await expectLines(sold.account, "2024-02-01", [
      "USAGE 60",
      "OVERAGE_USAGE 15",
      "COMMITMENT_CONSUMED -60",
      "TOTAL 15",
    ]);
    const units = bill.lineItems.map((line) => `${line.lineItemType} ${line.units}`);
    expect(units).toEqual(expect.arrayContaining(["USAGE 70", "OVERAGE_USAGE 30"]));
    // Exhausted before: all of February's 50 + 5.
    await use(sold, [["2024-02-05", 60]]);
    await expectLines(sold.account, "2024-03-01", ["OVERAGE_USAGE 55", "TOTAL 55"]);
  });

  test("separate overage of a plan with overage bands is rated by those", async () => {
    // 30 units beyond × 2.
    const { account } = await sell({
      bands: tiers,
      price: { overagePricingBands: bandsOf([[0, 2]]) },
      usage: [["2024-01-05", 100]],
    });
    await commit(account, 60, { separateOverageUsage: true });
    await expectLines(account, "2024-02-01", [
      "USAGE 60",
      "OVERAGE_USAGE 60",
      "COMMITMENT_CONSUMED -60",
      "TOTAL 60",
    ]);
  });

  test("without any of these usage beyond is just paid", async () => {
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 100]] });
    await commit(account, 60);
    await expectLines(account, "2024-02-01", ["USAGE 100", "COMMITMENT_CONSUMED -60", "TOTAL 40"]);
  });

  test("what contradicts itself is refused (15.2)", async () => {
    const { account, plan } = await sell({});
    const period = {
      servicePeriodStartDate: "2024-02-01T00:00:00Z",
      servicePeriodEndDate: "2024-01-01T00:00:00Z",
    };
    const fee = {
      date: "2024-01-01",
      amount: 1,
      ...period,
      servicePeriodEndDate: "2024-03-01T00:00:00Z",
    };
    for (const changes of [
      { separateOverageUsage: true, overageSurchargePercent: 1 },
      { amountPrePaid: 101 },
      { billingPlanId: plan.id, feeDates: [fee] },
      { feeDates: [{ ...fee, ...period }] },
    ]) {
      await expect(commit(account, 100, changes), JSON.stringify(changes)).rejects.toThrow(
        /: 400 /,
      );
    }
  });
});

describe.concurrent("fees (15.7)", () => {
  const onPlan = (planId: string, billingInterval = 1, billingOffset = 0) => ({
    billingPlanId: planId,
    billingInterval,
    billingOffset,
  });

  test("every third bill from the second; prepaid and first amounts come off the rest", async () => {
    // 12,000 − 2,000 are outstanding; bills 1, 4, 7 and 10: 1,000, then 9,000 / 3 each.
    const { account, plan } = await sell({});
    await commit(account, 12_000, {
      ...onPlan(plan.id, 3, 1),
      amountPrePaid: 2000,
      amountFirstBill: 1000,
    });
    for (const [billDate, fee] of [
      ["2024-02-01", 0],
      ["2024-03-01", 1000],
      ["2024-04-01", 0],
      ["2024-06-01", 3000],
      ["2024-09-01", 3000],
      ["2024-12-01", 3000],
      ["2025-01-01", 0],
    ] as const) {
      const lines = fee === 0 ? [] : [`COMMITMENT_FEE ${fee}`];
      await expectLines(account, billDate, [...lines, `TOTAL ${fee}`]);
    }
  });

  test("in parts that add up, the odd cent last", async () => {
    const { account, plan } = await sell({});
    await commit(account, 100, { ...onPlan(plan.id), endDate: "2024-04-01" });
    for (const [billDate, fee] of [
      ["2024-02-01", 33.33],
      ["2024-03-01", 33.33],
      ["2024-04-01", 33.34],
    ] as const) {
      await expectLines(account, billDate, [`COMMITMENT_FEE ${fee}`, `TOTAL ${fee}`]);
    }
  });

  test("of a first and a last month by their days", async () => {
    // January 16 to March 16: 16/31, 1 and 15/31, together 2, of 1,240.
    const { account, plan } = await sell({});
    const term = { startDate: "2024-01-16", endDate: "2024-03-16" };
    await commit(account, 1240, { ...onPlan(plan.id), ...term });
    for (const [billDate, fee] of [
      ["2024-02-01", 320],
      ["2024-03-01", 620],
      ["2024-04-01", 300],
    ] as const) {
      await expectLines(account, billDate, [`COMMITMENT_FEE ${fee}`, `TOTAL ${fee}`]);
    }
  });

  test("in advance: from the first day of the term, none at its end", async () => {
    const { account, plan } = await sell({});
    await commit(account, 12_000, { ...onPlan(plan.id), commitmentFeeBillInAdvance: true });
    const bill = await expectLines(account, "2024-01-01", ["COMMITMENT_FEE 1000", "TOTAL 1000"]);
    expect(bill.lineItems).toMatchObject([
      {
        servicePeriodStartDate: "2024-01-01T00:00:00Z",
        servicePeriodEndDate: "2024-02-01T00:00:00Z",
      },
    ]);
    await expectLines(account, "2024-12-01", ["COMMITMENT_FEE 1000", "TOTAL 1000"]);
    await expectLines(account, "2025-01-01", ["TOTAL 0"]);
  });

  test("on the dates of an epoch of their own", async () => {
    const { account, plan } = await sell({});
    await commit(account, 12_000, {
      ...onPlan(plan.id),
      billEpoch: "2024-01-15",
      startDate: "2024-01-15",
      endDate: "2025-01-15",
    });
    await expectLines(account, "2024-02-15", ["COMMITMENT_FEE 1000", "TOTAL 1000"]);
    await expectLines(account, "2024-02-01", ["TOTAL 0"]);
  });

  test("by schedule, without any plan: each on a bill of its date, never drawn", async () => {
    const account = await scenario.world.account();
    const fee = (date: string, amount: number) => ({
      date,
      amount,
      servicePeriodStartDate: "2024-01-01T00:00:00Z",
      servicePeriodEndDate: "2024-07-01T00:00:00Z",
    });
    await commit(account, 1000, {
      feeDates: [fee("2024-01-20", 400), fee("2024-03-20", 600)],
      commitmentFeeDescription: "Prepaid half-year",
    });
    await fund(account, 5000);
    const bill = await expectLines(account, "2024-01-20", ["COMMITMENT_FEE 400", "TOTAL 400"]);
    expect(bill).toMatchObject({
      billingFrequency: "AD_HOC",
      lineItems: [
        {
          description: "Prepaid half-year",
          servicePeriodStartDate: "2024-01-01T00:00:00Z",
          servicePeriodEndDate: "2024-07-01T00:00:00Z",
        },
      ],
    });
    await expectLines(account, "2024-03-20", ["COMMITMENT_FEE 600", "TOTAL 600"]);
  });
});

test("the organization's flag charges fees in advance where the commitment is silent", async () => {
  await scenario.world.configure({ commitmentFeeBillInAdvance: true });
  const { account, plan } = await sell({});
  await commit(account, 1200, { billingPlanId: plan.id, billingInterval: 1, billingOffset: 0 });
  await expectLines(account, "2024-01-01", ["COMMITMENT_FEE 100", "TOTAL 100"]);
  await scenario.world.configure({ commitmentFeeBillInAdvance: false });
});
