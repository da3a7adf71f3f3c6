import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";

/** When bills are made and what falls into them (m3ter semantics 6.5, 6.6, 9.4, 18.1). */
const scenario = billingScenario();
const { sell, use, totals, expectLines } = scenario;

describe.concurrent("frequencies and intervals", () => {
  // Usage of the last moment before the period, its first, its last, and the first after it: 1, 2, 4, 8.
  // Anchors: day, month and year 2022-01-01, week 2022-01-04, a Tuesday.
  test.each([
    { billFrequency: "DAILY", from: "2024-01-10", to: "2024-01-11" },
    // 2024-01-01 is 73 × 10 days after the anchor.
    { billFrequency: "DAILY", interval: 10, from: "2024-01-11", to: "2024-01-21" },
    { billFrequency: "WEEKLY", from: "2024-01-09", to: "2024-01-16" },
    // 2024-01-02 is 52 × 2 weeks after the anchor.
    { billFrequency: "WEEKLY", interval: 2, from: "2024-01-16", to: "2024-01-30" },
    { billFrequency: "MONTHLY", from: "2024-02-01", to: "2024-03-01" },
    { billFrequency: "MONTHLY", interval: 3, from: "2024-04-01", to: "2024-07-01" },
    { billFrequency: "ANNUALLY", from: "2024-01-01", to: "2025-01-01" },
    { billFrequency: "ANNUALLY", interval: 2, from: "2024-01-01", to: "2026-01-01" },
  ])(
    "$billFrequency × $interval: [$from, $to)",
    async ({ interval = 1, from, to, ...template }) => {
      const { account } = await sell({
        template: { ...template, billFrequencyInterval: interval },
        bands: [[0, 1]],
        accountPlan: { startDate: "2023-01-01T00:00:00Z" },
        price: { startDate: "2023-01-01T00:00:00Z" },
        usage: [
          [new Date(Date.parse(from) - 1).toISOString(), 1],
          [`${from}T00:00:00Z`, 2],
          [new Date(Date.parse(to) - 1).toISOString(), 4],
          [`${to}T00:00:00Z`, 8],
        ],
      });
      const bill = await expectLines(account, to, ["USAGE 6", "TOTAL 6"]);
      expect(bill).toMatchObject({
        startDate: from,
        endDate: to,
        billDate: to,
        billingFrequency: template.billFrequency,
        billFrequencyInterval: interval,
        startDateTimeUTC: `${from}T00:00:00.000Z`,
        endDateTimeUTC: `${to}T00:00:00.000Z`,
      });
    },
  );

  test("a date that is no bill date makes no bill", async () => {
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 1]] });
    expect(await totals(account, "2024-02-02")).toEqual([]);
  });

  test("the last day of the period names its bill; due date and invoice date follow from it", async () => {
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 1]] });
    const { world } = scenario;
    await world.finish(
      await world.startJob({ lastDateInBillingPeriod: "2024-01-31", accountIds: [account.id] }),
    );
    // 30 days after February 1; the first day of the next period.
    expect(await world.bills(account.id, "2024-02-01")).toMatchObject([
      { dueDate: "2024-03-02", externalInvoiceDate: "2024-02-01", timezone: "UTC" },
    ]);
  });

  test("an account that has as good as for ever to pay is billed, due on the last day of all", async () => {
    const sale = { bands: [[0, 1]], usage: [["2024-01-05", 1]] } as const;
    const { account } = await sell({ ...sale, account: { daysBeforeBillDue: 2_147_483_647 } });
    const bill = await expectLines(account, "2024-02-01", ["USAGE 1", "TOTAL 1"]);
    expect(bill).toMatchObject({ dueDate: "9999-12-31" });
  });
});

describe.concurrent("epochs", () => {
  test("an account plan's, after its start: the first bill reaches back to the start (documented)", async () => {
    // January 1 to 15 is 14/31 of the month before, so that 31 × (1 + 14/31) = 45 are due; then 31.
    const { account } = await sell({
      template: { standingCharge: 31 },
      bands: [[0, 1]],
      accountPlan: { billEpoch: "2024-02-15" },
      usage: [
        ["2024-01-02", 1],
        ["2024-02-14", 2],
        ["2024-02-15", 4],
      ],
    });
    expect(await totals(account, "2024-01-15")).toEqual([]);
    await expectLines(account, "2024-02-15", ["USAGE 3", "STANDING_CHARGE 45", "TOTAL 48"]);
    // February 15 to March 15, 29 days, all active.
    await expectLines(account, "2024-03-15", ["USAGE 4", "STANDING_CHARGE 31", "TOTAL 35"]);
  });

  test("an account's, unless its plan has one", async () => {
    const sold = await sell({
      account: { billEpoch: "2022-01-20" },
      bands: [[0, 1]],
      usage: [["2024-01-05", 3]],
    });
    await expectLines(sold.account, "2024-01-20", ["USAGE 3", "TOTAL 3"]);
    const other = await sell({
      account: { billEpoch: "2022-01-20" },
      bands: [[0, 1]],
      accountPlan: { billEpoch: "2022-01-25" },
      usage: [["2024-01-22", 3]],
    });
    expect(await totals(other.account, "2024-01-20")).toEqual([]);
    await expectLines(other.account, "2024-01-25", ["USAGE 3", "TOTAL 3"]);
  });

  test("on the 31st: the month's last day, without drifting", async () => {
    // 2024: January 31, February 29, March 31, April 30.
    const { account } = await sell({
      bands: [[0, 1]],
      accountPlan: { billEpoch: "2022-01-31" },
      usage: [
        ["2024-02-28", 1],
        ["2024-02-29", 2],
        ["2024-03-30", 4],
        ["2024-03-31", 8],
        ["2024-04-29", 16],
        ["2024-04-30", 32],
      ],
    });
    await expectLines(account, "2024-02-29", ["USAGE 1", "TOTAL 1"]);
    await expectLines(account, "2024-03-31", ["USAGE 6", "TOTAL 6"]);
    await expectLines(account, "2024-04-30", ["USAGE 24", "TOTAL 24"]);
  });
});

describe.concurrent("plans and prices that begin and end inside the period", () => {
  test("usage counts from the plan's start to its end", async () => {
    const { account } = await sell({
      bands: [[0, 1]],
      accountPlan: { startDate: "2024-01-10T00:00:00Z", endDate: "2024-01-20T00:00:00Z" },
      usage: [
        ["2024-01-09", 1],
        ["2024-01-10T00:00:00Z", 2],
        ["2024-01-19T23:59:59.999Z", 4],
        ["2024-01-20T00:00:00Z", 8],
      ],
    });
    await expectLines(account, "2024-02-01", ["USAGE 6", "TOTAL 6"]);
    expect(await totals(account, "2024-03-01")).toEqual([]);
  });

  test("one plan follows another: each charges for its days", async () => {
    // 15/31 and 16/31 of 31; 10 at 1, then 10 at 2.
    const first = await sell({
      template: { standingCharge: 31 },
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 10],
        ["2024-01-20", 10],
      ],
    });
    const { world } = scenario;
    const next = await world.plan(first.productId, { standingCharge: 31 });
    await world.price({ planId: next.id, aggregationId: first.aggregationId }, [[0, 2]]);
    const replacement = { accountId: first.account.id, planId: next.id };
    await world.api.call("POST", `accountplans/${first.accountPlanId}/replace`, {
      ...replacement,
      startDate: "2024-01-16T00:00:00Z",
    });
    await expectLines(first.account, "2024-02-01", [
      "USAGE 10",
      "USAGE 20",
      "STANDING_CHARGE 15",
      "STANDING_CHARGE 16",
      "TOTAL 61",
    ]);
    await expectLines(first.account, "2024-03-01", ["STANDING_CHARGE 31", "TOTAL 31"]);
  });

  test("a new price in mid-month begins its ladder anew", async () => {
    // 8 at 1 for the first 10: 8. Then 8 at 1 again, not 2 at 1 and 6 at 0.5.
    const ladder = [
      [0, 1],
      [10, 0.5],
    ] as const;
    const sold = await sell({
      bands: ladder,
      price: { endDate: "2024-01-16T00:00:00Z" },
      usage: [
        ["2024-01-10", 8],
        ["2024-01-20", 8],
      ],
    });
    const { plan, aggregationId } = sold;
    const startDate = "2024-01-16T00:00:00Z";
    await scenario.world.price({ planId: plan.id, aggregationId }, ladder, { startDate });
    await expectLines(sold.account, "2024-02-01", ["USAGE 8", "USAGE 8", "TOTAL 16"]);
  });

  test("a price that starts next month leaves the standing charge alone on the bill (documented)", async () => {
    const { account } = await sell({
      template: { standingCharge: 5 },
      bands: [[0, 1]],
      price: { startDate: "2024-02-01T00:00:00Z" },
      usage: [["2024-01-10", 8]],
    });
    await expectLines(account, "2024-02-01", ["STANDING_CHARGE 5", "TOTAL 5"]);
  });

  test("two products at different frequencies: bills of their own on a common date", async () => {
    const monthly = await sell({ bands: [[0, 1]], usage: [["2024-01-31", 5]] });
    const { account } = monthly;
    const template = { billFrequency: "DAILY" };
    await sell({ to: account, template, bands: [[0, 1]], usage: [["2024-01-31", 7]] });
    expect(await totals(account, "2024-02-01")).toEqual([5, 7]);
    expect(await totals(account, "2024-01-31")).toEqual([0]);
  });
});

/** These change the organization: one after the other. */
describe("an organization's own calendar", () => {
  const configured = async (changes: object, given: () => Promise<void>): Promise<void> => {
    const before = await scenario.world.get("organizationconfig");
    await scenario.world.configure({ ...changes });
    try {
      await given();
    } finally {
      const { timezone, yearEpoch, monthEpoch, weekEpoch, dayEpoch } = before;
      await scenario.world.configure({ timezone, yearEpoch, monthEpoch, weekEpoch, dayEpoch });
    }
  };

  test("its epochs (documented: the 15th, Saturdays)", async () => {
    const epochs = { monthEpoch: "2022-01-15", weekEpoch: "2022-01-15" };
    await configured(epochs, async () => {
      const monthly = await sell({ bands: [[0, 1]], usage: [["2024-01-14", 1]] });
      await use(monthly, [["2024-01-15", 2]]);
      await expectLines(monthly.account, "2024-01-15", ["USAGE 1", "TOTAL 1"]);
      // 2024-01-13 was a Saturday.
      const weekly = await sell({
        template: { billFrequency: "WEEKLY" },
        bands: [[0, 1]],
        usage: [
          ["2024-01-06", 1],
          ["2024-01-12", 2],
          ["2024-01-13", 4],
        ],
      });
      await expectLines(weekly.account, "2024-01-13", ["USAGE 3", "TOTAL 3"]);
    });
  });

  test("its days: 23 hours when the clocks go forward, 25 when they go back", async () => {
    await configured({ timezone: "America/New_York" }, async () => {
      // March 10 is [05:00Z, 04:00Z next day), November 3 [04:00Z, 05:00Z next day).
      const { account } = await sell({
        template: { billFrequency: "DAILY" },
        bands: [[0, 1]],
        usage: [
          ["2024-03-10T04:59:59Z", 1],
          ["2024-03-10T05:00:00Z", 2],
          ["2024-03-11T03:59:59Z", 4],
          ["2024-03-11T04:00:00Z", 8],
          ["2024-11-03T03:59:59Z", 16],
          ["2024-11-03T04:00:00Z", 32],
          ["2024-11-04T04:59:59Z", 64],
          ["2024-11-04T05:00:00Z", 128],
        ],
      });
      const spring = await expectLines(account, "2024-03-11", ["USAGE 6", "TOTAL 6"]);
      expect(spring).toMatchObject({
        timezone: "America/New_York",
        startDateTimeUTC: "2024-03-10T05:00:00.000Z",
        endDateTimeUTC: "2024-03-11T04:00:00.000Z",
      });
      await expectLines(account, "2024-11-04", ["USAGE 96", "TOTAL 96"]);
    });
  });

  test("its days in a share of a month: each is one day, a short one, too", async () => {
    await configured({ timezone: "America/New_York" }, async () => {
      // To March 11, local: 10/31 of 310. To noon of March 10, 11 hours of 23: 10 × (9 + 11/23) = 94.78.
      const template = { standingCharge: 310 };
      const startDate = "2024-01-01T05:00:00Z";
      const whole = await sell({
        template,
        accountPlan: { startDate, endDate: "2024-03-11T04:00:00Z" },
      });
      await expectLines(whole.account, "2024-04-01", ["STANDING_CHARGE 100", "TOTAL 100"]);
      const part = await sell({
        template,
        accountPlan: { startDate, endDate: "2024-03-10T16:00:00Z" },
      });
      await expectLines(part.account, "2024-04-01", ["STANDING_CHARGE 94.78", "TOTAL 94.78"]);
    });
  });

  test("its months: January begins at 05:00 UTC, and so does a commitment's first day", async () => {
    await configured({ timezone: "America/New_York" }, async () => {
      const { account } = await sell({
        bands: [[0, 1]],
        usage: [
          ["2024-02-01T04:59:59Z", 1],
          ["2024-02-01T05:00:00Z", 2],
        ],
      });
      await scenario.commit(account, 100, { startDate: "2024-02-01" });
      await expectLines(account, "2024-02-01", ["USAGE 1", "TOTAL 1"]);
      await expectLines(account, "2024-03-01", ["USAGE 2", "COMMITMENT_CONSUMED -2", "TOTAL 0"]);
    });
  });

  test("an offset instead of a zone", async () => {
    // UTC+5:30: the day begins at 18:30 UTC of the day before.
    await configured({ timezone: "UTC+5:30" }, async () => {
      const { account } = await sell({
        bands: [[0, 1]],
        usage: [
          ["2024-01-31T18:29:59Z", 1],
          ["2024-01-31T18:30:00Z", 2],
        ],
      });
      await expectLines(account, "2024-02-01", ["USAGE 1", "TOTAL 1"]);
      await expectLines(account, "2024-03-01", ["USAGE 2", "TOTAL 2"]);
    });
  });
});
