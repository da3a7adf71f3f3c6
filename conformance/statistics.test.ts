import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BillingWorld } from "./billing-world.ts";

type Body = Readonly<Record<string, unknown>>;

/** Ways of measuring that are beyond m3ter's methods, and custom SQL: from the configuration to the bill. */
describe("statistics and custom SQL", () => {
  let world: BillingWorld;
  beforeAll(async () => {
    world = await BillingWorld.open();
  });
  afterAll(() => world.close());

  /** A meter and an account on a monthly plan from January on. */
  const shop = async () => {
    const productId = await world.product();
    const meter = await world.meter(productId);
    const plan = await world.plan(productId);
    const account = await world.account();
    await world.attach(account.id, plan.id);
    return { productId, meter, plan, account };
  };
  type Shop = Awaited<ReturnType<typeof shop>>;

  /** At 1 cent a unit. */
  const sell = async ({ meter, plan }: Shop, changes: Body): Promise<string> => {
    const aggregationId = await world.aggregation(meter.id, changes);
    await world.price({ planId: plan.id, aggregationId }, [[0, 0.01]]);
    return aggregationId;
  };

  const january = (day: number, amount: number) =>
    [`2024-01-${String(day).padStart(2, "0")}`, amount] as const;

  test("the 95th percentile of a month's samples is billed", async () => {
    const at = await shop();
    await sell(at, { aggregation: "MAX", statistic: { kind: "PERCENTILE" } });
    const days = Array.from({ length: 20 }, (_, index) => january(index + 1, 100 * (index + 1)));
    await world.use(at.meter.code, at.account.code, days);
    // ⌈0.95 × 20⌉ = 19: 1,900 at 0.01.
    expect(await world.lines(at.account.id, "2024-02-01")).toEqual(["USAGE 19", "TOTAL 19"]);
  });

  test("a stock is billed by the hour, from the value that it had before the month", async () => {
    const at = await shop();
    await sell(at, { aggregation: "LATEST", statistic: { kind: "TIME_WEIGHTED_SUM" } });
    await world.use(at.meter.code, at.account.code, [
      ["2023-12-24", 9],
      ["2023-12-31", 2],
      ["2024-01-16T00:00:00Z", 4],
    ]);
    // 15 × 24 h × 2 = 720 and 16 × 24 h × 4 = 1,536, together 2,256 at 0.01.
    expect(await world.lines(at.account.id, "2024-02-01")).toEqual(["USAGE 22.56", "TOTAL 22.56"]);
    // Nothing was measured in February: 29 × 24 h × 4 = 2,784.
    expect(await world.lines(at.account.id, "2024-03-01")).toEqual(["USAGE 27.84", "TOTAL 27.84"]);
    const [bill] = await world.bills(at.account.id, "2024-02-01");
    const line = bill?.lineItems[0];
    const explained = await world.get(
      `bills/${bill?.id}/lineitems/${String(line?.["id"])}/explain`,
    );
    expect(explained).toMatchObject({
      measurement: {
        aggregation: { method: "LATEST", statistic: { kind: "TIME_WEIGHTED_SUM", unit: "HOUR" } },
        quantity: 2256,
        carried: [{ accountId: at.account.id, start: "2024-01-01T00:00:00Z", value: 2 }],
      },
      events: [{ values: { amount: 4 } }],
    });
  });

  test("the peaks of days are billed", async () => {
    const at = await shop();
    await sell(at, { aggregation: "MAX", statistic: { kind: "PEAK_SUM", per: "DAY" } });
    await world.use(at.meter.code, at.account.code, [
      january(3, 100),
      january(3, 700),
      january(9, 50),
    ]);
    // 700 + 50.
    expect(await world.lines(at.account.id, "2024-02-01")).toEqual(["USAGE 7.5", "TOTAL 7.5"]);
  });

  test("custom SQL is billed, by segment and in a formula as well", async () => {
    const at = await shop();
    const customSql = "SELECT sum(amount * amount) FROM measurements";
    const squares = await sell(at, { aggregation: "CUSTOM_SQL", customSql });
    const { code } = await world.get(`aggregations/${squares}`);
    await sell(at, {
      aggregation: "CUSTOM_SQL",
      customSql: "SELECT 100 * count(*) FROM measurements WHERE region <> 'US'",
      defaultValue: 300,
    });
    const compoundAggregationId = await world.create("compoundaggregations", {
      name: "Twice the squares",
      productId: at.productId,
      calculation: `2 * aggregation.${String(code)}`,
      rounding: "NONE",
      quantityPerUnit: 1,
      unit: "unit",
    });
    await world.price({ planId: at.plan.id, compoundAggregationId }, [[0, 0.01]]);
    await world.use(at.meter.code, at.account.code, [
      [...january(3, 10), "UK"],
      [...january(4, 0.5), "US"],
    ]);
    // 100 + 0.25 squares; 1 outside the US; 2 × 100.25.
    const lines = await world.lines(at.account.id, "2024-02-01");
    expect(lines.toSorted()).toEqual(["TOTAL 4.01", "USAGE 1", "USAGE 1", "USAGE 2.01"]);
    // Nothing measured in February: no value, and the default of the second.
    expect(await world.lines(at.account.id, "2024-03-01")).toEqual(["USAGE 3", "TOTAL 3"]);
  });

  test("custom SQL that fails on the measurements fails the bill of that account, with the reason", async () => {
    const at = await shop();
    const customSql = "SELECT sum(region::INTEGER) FROM measurements";
    await sell(at, { aggregation: "CUSTOM_SQL", customSql });
    await world.use(at.meter.code, at.account.code, [january(3, 10)]);
    const request = { billDate: "2024-02-01", accountIds: [at.account.id] };
    const { failures } = await world.finish(await world.startJob(request));
    expect(JSON.stringify(failures)).toContain("Could not convert string 'UK'");
  });

  test.each([
    [{ aggregation: "CUSTOM_SQL" }, "customSql"],
    [{ aggregation: "CUSTOM_SQL", customSql: "SELECT" }, "without selection list"],
    [{ aggregation: "CUSTOM_SQL", customSql: "DROP TABLE measurements" }, "Only SELECT"],
    [{ aggregation: "CUSTOM_SQL", customSql: "SELECT 1; SELECT 2" }, "must be one SELECT"],
    [{ aggregation: "CUSTOM_SQL", customSql: "SELECT * FROM measurements" }, "one column"],
    [{ aggregation: "CUSTOM_SQL", customSql: "SELECT nothing FROM measurements" }, "nothing"],
    [{ aggregation: "CUSTOM_SQL", customSql: "SELECT 1 FROM batch" }, "may not read batch"],
    [{ aggregation: "SUM", statistic: { kind: "PERCENTILE" } }, "must be MAX"],
    [{ aggregation: "SUM", statistic: { kind: "TIME_WEIGHTED_SUM" } }, "must be LATEST"],
    [{ aggregation: "MAX", statistic: { kind: "PERCENTILE", percentile: 0 } }, "percentile"],
    [{ aggregation: "MAX", statistic: { kind: "PERCENTILE", percentile: 101 } }, "percentile"],
    [{ aggregation: "MAX", statistic: { kind: "PERCENTILE", percentile: 1e-7 } }, "decimals"],
    [{ aggregation: "MAX", statistic: { kind: "PEAK_SUM", per: "WEEK" } }, "per"],
    [{ aggregation: "MAX", statistic: { kind: "MEDIAN" } }, "kind"],
    [
      { aggregation: "MAX", targetField: "region", statistic: { kind: "PERCENTILE" } },
      "cannot use",
    ],
  ])("the aggregation %j is refused: %s", async (changes, reason) => {
    const meter = await world.meter(await world.product());
    await expect(world.aggregation(meter.id, changes)).rejects.toThrow(
      new RegExp(`: 400 .*${reason}`, "s"),
    );
  });

  test("a usage query takes statistics and custom SQL", async () => {
    const at = await shop();
    await world.use(at.meter.code, at.account.code, [
      ["2024-01-03T10:00:00Z", 1],
      ["2024-01-03T10:30:00Z", 3],
      ["2024-01-03T11:00:00Z", 0],
    ]);
    const field = { meterId: at.meter.id, fieldCode: "amount", fieldType: "MEASURE" };
    const query = {
      startDate: "2024-01-03T10:00:00Z",
      endDate: "2024-01-03T12:00:00Z",
      groups: [{ groupType: "TIME", frequency: "HOUR" }],
      aggregations: [
        { ...field, function: "MAX", statistic: { kind: "PERCENTILE", percentile: 50 } },
        { ...field, function: "LATEST", statistic: { kind: "TIME_WEIGHTED_SUM", unit: "MINUTE" } },
        { ...field, function: "MAX", statistic: { kind: "PEAK_SUM" } },
        {
          ...field,
          function: "CUSTOM_SQL",
          customSql: "SELECT 10 * sum(amount) FROM measurements",
        },
      ],
    };
    const name = `${at.meter.code}.amount`;
    const rows = [
      {
        time: "2024-01-03T11:00:00Z",
        [`${name}.PERCENTILE_50`]: 0,
        [`${name}.TIME_WEIGHTED_SUM_MINUTE`]: 0,
        [`${name}.PEAK_SUM_HOUR`]: 0,
        [`${name}.CUSTOM_SQL`]: 0,
      },
      {
        time: "2024-01-03T10:00:00Z",
        [`${name}.PERCENTILE_50`]: 1,
        // 30 min × 1 + 30 min × 3.
        [`${name}.TIME_WEIGHTED_SUM_MINUTE`]: 120,
        [`${name}.PEAK_SUM_HOUR`]: 3,
        [`${name}.CUSTOM_SQL`]: 40,
      },
    ];
    expect(await world.api.call("POST", "usage/query", query)).toEqual({
      data: rows,
      hasMoreData: false,
    });
    const saved = await world.create("usage/savedqueries", { name: "Saved", usageQuery: query });
    expect(await world.get(`usage/savedqueries/${saved}`)).toMatchObject({
      usageQuery: { aggregations: query.aggregations },
    });
    const wrong = { ...field, function: "CUSTOM_SQL", customSql: "SELECT uid FROM measurements" };
    await expect(
      world.api.call("POST", "usage/query", { ...query, aggregations: [wrong] }),
    ).rejects.toThrow("400");
  });
});
