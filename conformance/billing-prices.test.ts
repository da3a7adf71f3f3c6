import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";

/** What plans charge together, month by month, from the records of the API to the lines of a bill. */
const scenario = billingScenario();
const { sell, use, commit, fund, charge, totals, expectLines } = scenario;

describe.concurrent("a plan with all of it", () => {
  test("the full worked bill, and its second month (m3ter semantics 18.10)", async () => {
    const { account } = await sell({
      template: { standingCharge: 20, minimumSpend: 100 },
      bands: [
        [0, 0.15],
        [500, 0.1],
      ],
      usage: [
        ["2024-01-10", 400],
        ["2024-02-10", 800],
      ],
    });
    await commit(account, 120, { overageSurchargePercent: 5, lineItemTypes: ["USAGE"] });
    // January: 400 × 0.15 = 60; minimum 100 − 60 = 40; 60 of the commitment's 120 are drawn.
    await expectLines(account, "2024-02-01", [
      "USAGE 60",
      "STANDING_CHARGE 20",
      "MINIMUM_SPEND 40",
      "COMMITMENT_CONSUMED -60",
      "TOTAL 60",
    ]);
    // February: 75 + 30 = 105; 60 are left, 45 stay; 45 × 5 % = 2.25. Run again: the same, and nothing drawn twice.
    for (let run = 0; run < 2; run += 1) {
      await expectLines(account, "2024-03-01", [
        "USAGE 105",
        "STANDING_CHARGE 20",
        "COMMITMENT_CONSUMED -60",
        "OVERAGE_SURCHARGE 2.25",
        "TOTAL 67.25",
      ]);
    }
    expect(await scenario.world.list(`commitments?accountId=${account.id}`)).toMatchObject([
      { amountSpent: 120 },
    ]);
  });

  test("an earlier bill that changes takes the later one along", async () => {
    // Commitment 100 for usage at 1. January 30, February 50; then 40 more arrive for January: 30 are left for February.
    const sold = await sell({
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 30],
        ["2024-02-10", 50],
      ],
    });
    await commit(sold.account, 100);
    await totals(sold.account, "2024-02-01");
    await expectLines(sold.account, "2024-03-01", [
      "USAGE 50",
      "COMMITMENT_CONSUMED -50",
      "TOTAL 0",
    ]);
    await use(sold, [["2024-01-20", 40]]);
    await totals(sold.account, "2024-02-01");
    const [february] = await scenario.world.bills(sold.account.id, "2024-03-01");
    expect(february?.billTotal).toBe(20);
  });

  test("the period that is open now: its bill grows", async () => {
    // Without a date a run bills the month in which it is run, dated at its end.
    const sold = await sell({ bands: [[0, 1]] });
    const now = new Date();
    const nextMonth = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1));
    const billDate = nextMonth.toISOString().slice(0, 10);
    const { world } = scenario;
    for (const total of [5, 10]) {
      await use(sold, [[now.toISOString(), 5]]);
      await world.finish(await world.startJob({ accountIds: [sold.account.id] }));
      expect(await world.bills(sold.account.id, billDate)).toMatchObject([{ billTotal: total }]);
    }
  });

  test("a share of a year and of a week by days", async () => {
    // 366 from March 1 of a leap year: 306/366. 7 from Thursday to Tuesday, 2024-01-09: 5/7.
    const yearly = await sell({
      template: { standingCharge: 366, billFrequency: "ANNUALLY" },
      accountPlan: { startDate: "2024-03-01T00:00:00Z" },
    });
    await expectLines(yearly.account, "2025-01-01", ["STANDING_CHARGE 306", "TOTAL 306"]);
    const weekly = await sell({
      template: { standingCharge: 7, billFrequency: "WEEKLY" },
      accountPlan: { startDate: "2024-01-04T00:00:00Z" },
    });
    await expectLines(weekly.account, "2024-01-09", ["STANDING_CHARGE 5", "TOTAL 5"]);
  });
});

describe.concurrent("which price", () => {
  test("a plan's own price wins over its template's for its dates only", async () => {
    const sold = await sell({
      usage: [
        ["2024-01-05", 3],
        ["2024-01-15", 2],
        ["2024-01-25", 4],
      ],
    });
    const { plan, aggregationId } = sold;
    await scenario.world.price({ planTemplateId: plan.templateId, aggregationId }, [[0, 1]]);
    await scenario.world.price({ planId: plan.id, aggregationId }, [[0, 5]], {
      startDate: "2024-01-11T00:00:00Z",
      endDate: "2024-01-21T00:00:00Z",
    });
    // 3 × 1 and 4 × 1 at the template's price around 2 × 5 at the plan's.
    await expectLines(sold.account, "2024-02-01", ["USAGE 3", "USAGE 10", "USAGE 4", "TOTAL 17"]);
  });

  test("segments, each with its price (6.4)", async () => {
    // 2 / 1 / 5, at 10, 20 and 30.
    const segments = [
      { region: "UK", tier: "Standard" },
      { region: "UK", tier: "*" },
      { region: "*", tier: "*" },
    ];
    const { account, plan, aggregationId } = await sell({
      aggregation: { segmentedFields: ["region", "tier"], segments },
      usage: [
        ["2024-01-05", 2, "UK", "Standard"],
        ["2024-01-06", 1, "UK", "Complete"],
        ["2024-01-07", 5, "USA", "Standard"],
      ],
    });
    for (const [index, segment] of segments.entries()) {
      const price = 10 * (index + 1);
      await scenario.world.price({ planId: plan.id, aggregationId }, [[0, price]], { segment });
    }
    await expectLines(account, "2024-02-01", [
      "USAGE UK/Standard 20",
      "USAGE UK/* 20",
      "USAGE */* 150",
      "TOTAL 190",
    ]);
  });

  test("a compound aggregation of base quantities and custom fields (7)", async () => {
    // Requests 1,250 − 100 free for each of 5 apps = 750, here 5 calls; the account's factor is 2: 1,500.
    const { world } = scenario;
    const declared = await world.get("customfields");
    await world.api.call("PUT", "customfields", { ...declared, account: { factor: 1 } });
    const days = [1, 2, 3, 4, 5].map((day) => [`2024-01-0${day}`, 250] as const);
    const { account, meter, plan, productId } = await sell({
      account: { customFields: { factor: 2 } },
      usage: days,
    });
    const [requests, apps] = [world.fresh("requests"), world.fresh("apps")];
    const defaultValue = 0;
    const tenths = { rounding: "UP", quantityPerUnit: 10 };
    await world.aggregation(meter.id, { code: requests, ...tenths, defaultValue });
    await world.aggregation(meter.id, { code: apps, aggregation: "COUNT", defaultValue });
    const compoundAggregationId = await world.create("compoundaggregations", {
      name: "Billable requests",
      code: world.fresh("compound"),
      productId,
      calculation: `account.factor * Math.max(aggregation.${requests} - 100 * aggregation.${apps}, 0)`,
      rounding: "UP",
      quantityPerUnit: 200,
      unit: "200 requests",
    });
    await world.price({ planId: plan.id, compoundAggregationId }, [[0, 3]]);
    // 1,500 / 200 = 7.5 → 8 units × 3 = 24.
    await expectLines(account, "2024-02-01", ["USAGE 24", "TOTAL 24"]);
  });
});

describe.concurrent("plan groups (9.3)", () => {
  /** Two products at 1 a unit with usage of 30 and 20, in a group. */
  const grouped = async (group: object) => {
    const { world } = scenario;
    const account = await world.account();
    const planGroupId = await world.create("plangroups", {
      name: "Bundle",
      currency: "USD",
      ...group,
    });
    for (const amount of [30, 20]) {
      const productId = await world.product();
      const meter = await world.meter(productId);
      const plan = await world.plan(productId);
      const aggregationId = await world.aggregation(meter.id);
      await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
      await world.create("plangrouplinks", { planGroupId, planId: plan.id });
      await world.use(meter.code, account.code, [["2024-01-05", amount]]);
    }
    const startDate = "2024-01-01T00:00:00Z";
    await world.create("accountplans", { accountId: account.id, planGroupId, startDate });
    return account;
  };

  test.each([
    { name: "Independent", standingCharge: 0 },
    { name: "Professional", standingCharge: 250 },
    { name: "Enterprise", standingCharge: 1000 },
  ])("the documented tiers: $name at $standingCharge", async (group) => {
    const lines = group.standingCharge === 0 ? [] : [`STANDING_CHARGE ${group.standingCharge}`];
    const total = `TOTAL ${50 + group.standingCharge}`;
    const account = await grouped(group);
    await expectLines(account, "2024-02-01", ["USAGE 30", "USAGE 20", ...lines, total]);
  });

  test("a minimum over all of its products: 100 − 50", async () => {
    const account = await grouped({ standingCharge: 5, minimumSpend: 100 });
    const bill = await expectLines(account, "2024-02-01", [
      "USAGE 30",
      "USAGE 20",
      "STANDING_CHARGE 5",
      "MINIMUM_SPEND 50",
      "TOTAL 105",
    ]);
    expect(bill.lineItems.map(({ description }) => description)).toContain(
      "Bundle Minimum Spend Adjustment",
    );
  });

  test("both in advance, on the first day; the minimum comes back as far as it was used", async () => {
    const account = await grouped({
      standingCharge: 5,
      minimumSpend: 100,
      standingChargeBillInAdvance: true,
      minimumSpendBillInAdvance: true,
    });
    const advance = ["STANDING_CHARGE 5", "MINIMUM_SPEND 100"];
    await expectLines(account, "2024-01-01", [...advance, "TOTAL 105"]);
    await expectLines(account, "2024-02-01", [
      "USAGE 30",
      "USAGE 20",
      "MINIMUM_SPEND_REFUND -50",
      ...advance,
      "TOTAL 105",
    ]);
  });
});

describe.concurrent("charges (17)", () => {
  test("on the bill of their date, on the next one, or on one of their own; billed once", async () => {
    const { world } = scenario;
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-10", 10]] });
    const dated = await charge(account, { amount: 500, billDate: "2024-02-01" });
    await charge(account, { units: 3, unitPrice: 7, billDate: "2024-01-15" });
    const next = await charge(account, { amount: -5 });
    const lines = ["USAGE 10", "AD_HOC 500", "AD_HOC -5", "TOTAL 505"];
    const bill = await expectLines(account, "2024-02-01", lines);
    for (const id of [dated, next]) {
      expect(await world.get(`charges/${id}`)).toMatchObject({ billId: bill.id });
    }
    const own = await expectLines(account, "2024-01-15", ["AD_HOC 21", "TOTAL 21"]);
    expect(own.billingFrequency).toBe("AD_HOC");
    await expectLines(account, "2024-03-01", ["TOTAL 0"]);
  });

  test("changed or removed while the bill is open: it follows when it is calculated again", async () => {
    const { world } = scenario;
    const { account } = await sell({});
    const id = await charge(account, { amount: 20, billDate: "2024-02-01" });
    await expectLines(account, "2024-02-01", ["AD_HOC 20", "TOTAL 20"]);
    await world.api.call("PUT", `charges/${id}`, {
      ...(await world.get(`charges/${id}`)),
      amount: 30,
    });
    await expectLines(account, "2024-02-01", ["AD_HOC 30", "TOTAL 30"]);
    await world.api.call("DELETE", `charges/${id}`);
    await expectLines(account, "2024-02-01", ["TOTAL 0"]);
  });

  test("a deleted bill gives back what it drew, and its charge", async () => {
    const { world } = scenario;
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-10", 40]] });
    const balanceId = await fund(account, 100);
    const chargeId = await charge(account, { amount: 10, billDate: "2024-02-01" });
    // 40 of usage and 10 of the charge come from the balance.
    const drawn = ["BALANCE_CONSUMED -40", "BALANCE_CONSUMED -10"];
    const lines = ["USAGE 40", "AD_HOC 10", ...drawn, "TOTAL 0"];
    const bill = await expectLines(account, "2024-02-01", lines);
    expect(await world.get(`balances/${balanceId}`)).toMatchObject({ amount: 50 });
    await world.api.call("DELETE", `bills/${bill.id}`);
    expect(await world.get(`balances/${balanceId}`)).toMatchObject({ amount: 100 });
    expect(await world.get(`charges/${chargeId}`)).not.toHaveProperty("billId");
  });
});

/** These change the organization: one after the other. */
describe("bills of one date", () => {
  test("of different frequencies: one each, or one for all", async () => {
    const monthly = await sell({ template: { standingCharge: 31 } });
    const { account } = monthly;
    await sell({ to: account, template: { standingCharge: 1, billFrequency: "DAILY" } });
    const made = async (billDate: string, request = {}) =>
      (await scenario.world.bill(account.id, billDate, request))
        .map(({ billingFrequency, billTotal }) => `${billingFrequency} ${billTotal}`)
        .toSorted();
    expect(await made("2024-02-01")).toEqual(["DAILY 1", "MONTHLY 31"]);
    await scenario.world.configure({ consolidateBills: true });
    // Switching over does not bill February 1 again.
    expect(await made("2024-02-01")).toEqual(["DAILY 1", "MONTHLY 31"]);
    expect(await made("2024-03-01")).toEqual(["MIXED 32"]);
    // Asking for one frequency keeps the others on the bill.
    expect(await made("2024-03-01", { billingFrequency: "DAILY" })).toEqual(["MIXED 32"]);
    await scenario.world.configure({ consolidateBills: false });
  });

  test("without a line: none, where the organization suppresses them", async () => {
    const { account } = await sell({});
    expect(await totals(account, "2024-02-01")).toEqual([0]);
    await scenario.world.configure({ suppressedEmptyBills: true });
    expect(await totals(account, "2024-03-01")).toEqual([]);
    await scenario.world.configure({ suppressedEmptyBills: false });
  });

  test("are invoiced on the first day of the next period, or on the last of theirs (documented)", async () => {
    const invoiced = async () => {
      const { account } = await sell({ accountPlan: { startDate: "2023-01-01T00:00:00Z" } });
      const request = { lastDateInBillingPeriod: "2023-09-30", accountIds: [account.id] };
      await scenario.world.finish(await scenario.world.startJob(request));
      const [bill] = await scenario.world.bills(account.id, "2023-10-01");
      return bill?.["externalInvoiceDate"];
    };
    expect(await invoiced()).toBe("2023-10-01");
    await scenario.world.configure({ externalInvoiceDate: "LAST_DAY_OF_ARREARS" });
    expect(await invoiced()).toBe("2023-09-30");
    await scenario.world.configure({ externalInvoiceDate: "FIRST_DAY_OF_NEXT_PERIOD" });
  });
});
