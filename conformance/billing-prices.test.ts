import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bandsOf, BillingWorld } from "./billing-world.ts";

/** What a plan can charge, month by month, from the records of the API to the lines of a bill. */
describe("bills of plans", () => {
  let world: BillingWorld;
  beforeAll(async () => {
    world = await BillingWorld.open();
  });
  afterAll(() => world.close());

  /** A product with a meter, a summed aggregation and a monthly plan; an account on it. */
  const shop = async (template = {}, own = {}) => {
    const productId = await world.product();
    const meter = await world.meter(productId);
    const aggregationId = await world.aggregation(meter.id);
    const plan = await world.plan(productId, template, own);
    const account = await world.account();
    return { productId, meter, aggregationId, plan, account };
  };

  test("the full worked bill, and its second month", async () => {
    // m3ter semantics 18.10: standing 20, minimum 100, 0.15 to 500 then 0.10, commitment of 60, surcharge 5 %.
    const { meter, aggregationId, plan, account } = await shop({
      standingCharge: 20,
      minimumSpend: 100,
    });
    await world.price({ planId: plan.id, aggregationId }, [
      [0, 0.15],
      [500, 0.1],
    ]);
    await world.attach(account.id, plan.id);
    await world.create("commitments", {
      accountId: account.id,
      startDate: "2024-01-01",
      endDate: "2025-01-01",
      currency: "USD",
      amount: 120,
      overageSurchargePercent: 5,
      lineItemTypes: ["USAGE"],
    });
    await world.use(meter.code, account.code, [
      ["2024-01-10", 400],
      ["2024-02-10", 800],
    ]);
    // January: 400 × 0.15 = 60; minimum 100 − 60 = 40; 60 of the commitment's 120 are drawn.
    expect(await world.lines(account.id, "2024-02-01")).toEqual([
      "USAGE 60",
      "STANDING_CHARGE 20",
      "MINIMUM_SPEND 40",
      "COMMITMENT_CONSUMED -60",
      "TOTAL 60",
    ]);
    // February: 75 + 30 = 105; 60 are left, 45 stay; 45 × 5 % = 2.25.
    const february = [
      "USAGE 105",
      "STANDING_CHARGE 20",
      "COMMITMENT_CONSUMED -60",
      "OVERAGE_SURCHARGE 2.25",
      "TOTAL 67.25",
    ];
    expect(await world.lines(account.id, "2024-03-01")).toEqual(february);
    expect(await world.list(`commitments?accountId=${account.id}`)).toMatchObject([
      { amountSpent: 120 },
    ]);
    // Run again: the same bill, and nothing drawn twice.
    expect(await world.lines(account.id, "2024-03-01")).toEqual(february);
  });

  test("an earlier bill that changes takes the later one along", async () => {
    // Commitment 100 for usage at 1. January 30, February 50; then 40 more arrive for January.
    const { meter, aggregationId, plan, account } = await shop();
    await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
    await world.attach(account.id, plan.id);
    await world.create("commitments", {
      accountId: account.id,
      startDate: "2024-01-01",
      endDate: "2025-01-01",
      currency: "USD",
      amount: 100,
    });
    await world.use(meter.code, account.code, [
      ["2024-01-10", 30],
      ["2024-02-10", 50],
    ]);
    await world.bill(account.id, "2024-02-01");
    expect(await world.lines(account.id, "2024-03-01")).toEqual([
      "USAGE 50",
      "COMMITMENT_CONSUMED -50",
      "TOTAL 0",
    ]);
    await world.use(meter.code, account.code, [["2024-01-20", 40]]);
    // January takes 70 of the 100, so that 30 are left for February.
    await world.bill(account.id, "2024-02-01");
    const [february] = await world.bills(account.id, "2024-03-01");
    expect(february?.billTotal).toBe(20);
  });

  test("a plan's own price wins over its template's for its dates only", async () => {
    const { meter, aggregationId, plan, account } = await shop();
    await world.price({ planTemplateId: plan.templateId, aggregationId }, [[0, 1]]);
    await world.price({ planId: plan.id, aggregationId }, [[0, 5]], {
      startDate: "2024-01-11T00:00:00Z",
      endDate: "2024-01-21T00:00:00Z",
    });
    await world.attach(account.id, plan.id);
    await world.use(meter.code, account.code, [
      ["2024-01-05", 3],
      ["2024-01-15", 2],
      ["2024-01-25", 4],
    ]);
    // 3 × 1 and 4 × 1 at the template's price around 2 × 5 at the plan's.
    expect((await world.lines(account.id, "2024-02-01")).toSorted()).toEqual([
      "TOTAL 17",
      "USAGE 10",
      "USAGE 3",
      "USAGE 4",
    ]);
  });

  test("segments, each with its price", async () => {
    // m3ter semantics 6.4: 2 / 1 / 5, at 10, 20 and 30.
    const productId = await world.product();
    const meter = await world.meter(productId);
    const segments = [
      { region: "UK", tier: "Standard" },
      { region: "UK", tier: "*" },
      { region: "*", tier: "*" },
    ];
    const aggregationId = await world.aggregation(meter.id, {
      segmentedFields: ["region", "tier"],
      segments,
    });
    const plan = await world.plan(productId);
    for (const [index, segment] of segments.entries()) {
      await world.price({ planId: plan.id, aggregationId }, [[0, 10 * (index + 1)]], { segment });
    }
    const account = await world.account();
    await world.attach(account.id, plan.id);
    await world.use(meter.code, account.code, [
      ["2024-01-05", 2, "UK", "Standard"],
      ["2024-01-06", 1, "UK", "Complete"],
      ["2024-01-07", 5, "USA", "Standard"],
    ]);
    expect((await world.lines(account.id, "2024-02-01")).toSorted()).toEqual([
      "TOTAL 190",
      "USAGE */* 150",
      "USAGE UK/* 20",
      "USAGE UK/Standard 20",
    ]);
  });

  test("tiers that span the plan, and credits", async () => {
    // 10.4: 400 GB in January, 300 in February on 0.15 / 0.10 above 500: 60.00, then (75 + 20) − 60 = 35.00.
    // 10.5: a product credit of 80 is capped at the product's 35 of February.
    const { meter, aggregationId, plan, account } = await shop();
    const spanning = { tiersSpanPlan: true };
    await world.price(
      { planId: plan.id, aggregationId },
      [
        [0, 0.15],
        [500, 0.1],
      ],
      spanning,
    );
    const credited = await world.aggregation(meter.id, { aggregation: "COUNT", name: "Goodwill" });
    await world.price({ planId: plan.id, aggregationId: credited }, [[0, 80]], {
      type: "PRODUCT_CREDIT",
      startDate: "2024-02-01T00:00:00Z",
    });
    await world.attach(account.id, plan.id);
    await world.use(meter.code, account.code, [
      ["2024-01-05", 400],
      ["2024-02-05", 300],
    ]);
    expect(await world.lines(account.id, "2024-02-01")).toEqual(["USAGE 60", "TOTAL 60"]);
    expect(await world.lines(account.id, "2024-03-01")).toEqual([
      "USAGE 35",
      "USAGE_CREDIT -35",
      "TOTAL 0",
    ]);
  });

  test("counters: seats carried over, added and given back", async () => {
    // 13.3: $2 to 20, $3 above; no proration; monthly; 15 on June 1, 18 on June 15.
    const productId = await world.product();
    const plan = await world.plan(productId);
    const counterId = await world.create("counters", { name: "Seats", unit: "seat", productId });
    await world.create("counterpricings", {
      planId: plan.id,
      counterId,
      startDate: "2024-01-01T00:00:00Z",
      cumulative: true,
      pricingBands: bandsOf([
        [0, 2],
        [20, 3],
      ]),
      proRateRunningTotal: false,
      proRateAdjustmentDebit: false,
      proRateAdjustmentCredit: false,
    });
    const account = await world.account();
    await world.attach(account.id, plan.id, { startDate: "2024-06-01T00:00:00Z" });
    for (const [date, value] of [
      ["2024-06-01", 15],
      ["2024-06-15", 18],
    ]) {
      await world.create("counteradjustments", { accountId: account.id, counterId, date, value });
    }
    expect((await world.lines(account.id, "2024-07-01")).toSorted()).toEqual([
      "COUNTER_ADJUSTMENT_DEBIT 30",
      "COUNTER_ADJUSTMENT_DEBIT 6",
      "COUNTER_RUNNING_TOTAL_CHARGE 36",
      "TOTAL 72",
    ]);
  });

  test("a plan group: members, its standing charge and its minimum", async () => {
    // Two products at 1 per unit: 30 and 20; the group charges 5 and wants 100 of usage: 100 − 50 = 50.
    const sold = await Promise.all([0, 1].map(() => shop()));
    const groupId = await world.create("plangroups", {
      name: "Bundle",
      currency: "USD",
      standingCharge: 5,
      minimumSpend: 100,
    });
    for (const { plan, aggregationId } of sold) {
      await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
      await world.create("plangrouplinks", { planGroupId: groupId, planId: plan.id });
    }
    const account = await world.account();
    await world.create("accountplans", {
      accountId: account.id,
      planGroupId: groupId,
      startDate: "2024-01-01T00:00:00Z",
    });
    for (const [index, { meter }] of sold.entries()) {
      await world.use(meter.code, account.code, [["2024-01-05", index === 0 ? 30 : 20]]);
    }
    expect((await world.lines(account.id, "2024-02-01")).toSorted()).toEqual([
      "MINIMUM_SPEND 50",
      "STANDING_CHARGE 5",
      "TOTAL 105",
      "USAGE 20",
      "USAGE 30",
    ]);
  });

  test("a compound aggregation of base quantities and custom fields", async () => {
    // m3ter semantics 7: requests 1,250 − 100 free for each of 5 apps = 750, here 5 calls; the account's factor is 2: 1,500.
    const { meter, plan, productId } = await shop();
    const declared = await world.get("customfields");
    await world.api.call("PUT", "customfields", { ...declared, account: { factor: 1 } });
    const account = await world.account({ customFields: { factor: 2 } });
    const codes = [world.fresh("requests"), world.fresh("apps")];
    await world.aggregation(meter.id, {
      code: codes[0],
      rounding: "UP",
      quantityPerUnit: 10,
      defaultValue: 0,
    });
    await world.aggregation(meter.id, { code: codes[1], aggregation: "COUNT", defaultValue: 0 });
    const compoundAggregationId = await world.create("compoundaggregations", {
      name: "Billable requests",
      code: world.fresh("compound"),
      productId,
      calculation: `account.factor * Math.max(aggregation.${codes[0]} - 100 * aggregation.${codes[1]}, 0)`,
      rounding: "UP",
      quantityPerUnit: 200,
      unit: "200 requests",
    });
    await world.price({ planId: plan.id, compoundAggregationId }, [[0, 3]]);
    await world.attach(account.id, plan.id);
    await world.use(
      meter.code,
      account.code,
      [1, 2, 3, 4, 5].map((day) => [`2024-01-0${day}`, 250] as const),
    );
    // 1,500 / 200 = 7.5 → 8 units × 3 = 24.
    expect(await world.lines(account.id, "2024-02-01")).toEqual(["USAGE 24", "TOTAL 24"]);
  });
});
