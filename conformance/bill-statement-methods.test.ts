import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { BillingWorld } from "./billing-world.ts";

let world: BillingWorld;
beforeAll(async () => {
  world = await BillingWorld.open();
});
afterAll(() => world.close());

const statement = z.object({
  lineItems: z.array(
    z.object({
      lineItem: z.looseObject({ description: z.string(), quantity: z.number() }),
      usage: z.array(z.looseObject({ quantity: z.number(), periodStart: z.string() })),
    }),
  ),
});

/** Both files of a bill, once they are made. */
const statementsOf = async (billId: string) => {
  const id = await world.create("statementjobs", { billId, includeCsvFormat: true });
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(20)) {
    const { statementJobStatus, presignedJsonStatementUrl, presignedCsvStatementUrl } =
      await world.get(`statementjobs/${id}`);
    if (statementJobStatus === "FAILED") throw new Error("the statement job has failed");
    if (statementJobStatus !== "COMPLETE") continue;
    const [json = "", csv = ""] = await Promise.all(
      [presignedJsonStatementUrl, presignedCsvStatementUrl].map(async (url) =>
        (await fetch(z.string().parse(url))).text(),
      ),
    );
    return { json: statement.parse(JSON.parse(json)).lineItems, csv };
  }
  throw new Error(`statement job ${id} does not end`);
};

const percentile = { kind: "PERCENTILE", percentile: 50 };
const hours = { kind: "TIME_WEIGHTED_SUM", unit: "HOUR" };
const peaks = { kind: "PEAK_SUM", per: "DAY" };
const customSql = "SELECT sum(amount * amount) FROM measurements";

/** 2 from the 1st to the 4th at noon: 84 h; 3 for 6 h; 4 to the 20th at noon: 378 h; 5 to the end: 276 h. */
const weighted = 2 * 84 + 3 * 6 + 4 * 378 + 5 * 276;
const weightedByDay = [
  48,
  48,
  48,
  2 * 12 + 3 * 6 + 4 * 6,
  ...Array<number>(15).fill(96),
  4 * 12 + 5 * 12,
  ...Array<number>(11).fill(120),
];

/** Of 3 and 4 on March 4th at noon and at 18:00, 5 on the 20th at noon, with 2 before: of the month, then of its days. */
const methods: readonly (readonly [string, object, number, readonly number[]])[] = [
  ["SUM", { aggregation: "SUM" }, 12, [7, 5]],
  ["MIN", { aggregation: "MIN" }, 3, [3, 5]],
  ["MAX", { aggregation: "MAX" }, 5, [4, 5]],
  ["COUNT", { aggregation: "COUNT" }, 3, [2, 1]],
  ["LATEST", { aggregation: "LATEST" }, 5, [4, 5]],
  ["MEAN", { aggregation: "MEAN" }, 4, [3.5, 5]],
  ["UNIQUE", { aggregation: "UNIQUE", targetField: "region" }, 2, [2, 1]],
  // The second of three; the first of two.
  ["PERCENTILE", { aggregation: "MAX", statistic: percentile }, 4, [3, 5]],
  ["PEAK_SUM", { aggregation: "MAX", statistic: peaks }, 9, [4, 5]],
  ["TIME_WEIGHTED_SUM", { aggregation: "LATEST", statistic: hours }, weighted, weightedByDay],
  // 9 + 16 + 25.
  ["CUSTOM_SQL", { aggregation: "CUSTOM_SQL", customSql }, 50, [25, 25]],
];

/** A plan with a price for each method. */
const sellAllMethods = async () => {
  const productId = await world.product();
  const meter = await world.meter(productId);
  const plan = await world.plan(productId);
  for (const [name, how] of methods) {
    const aggregationId = await world.aggregation(meter.id, { name, ...how });
    await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
  }
  return { meter, plan };
};

test.each(["WHOLE_PERIOD", "DAY"])(
  "a statement by %s measures as the bill does, whatever the method",
  async (aggregationFrequency) => {
    const { meter, plan } = await sellAllMethods();
    const statementDefinitionId = await world.create("statementdefinitions", {
      aggregationFrequency,
    });
    const account = await world.account({ statementDefinitionId });
    await world.attach(account.id, plan.id);
    await world.use(meter.code, account.code, [
      ["2024-02-28", 2],
      ["2024-03-04T12:00:00Z", 3],
      ["2024-03-04T18:00:00Z", 4, "FR"],
      ["2024-03-20", 5],
    ]);
    const [bill] = await world.bill(account.id, "2024-04-01");
    const { json, csv } = await statementsOf(bill?.id ?? "");
    const billed = new Map(bill?.lineItems.map((line) => [line.description, line.quantity]));
    const rows = csv.split("\r\n");
    const shown = new Map(json.map((line) => [line.lineItem.description, line]));
    for (const [name, , whole, byDay] of methods) {
      const parts = aggregationFrequency === "DAY" ? byDay : [whole];
      expect([name, billed.get(name)]).toEqual([name, whole]);
      expect([name, shown.get(name)?.lineItem.quantity]).toEqual([name, whole]);
      expect([name, shown.get(name)?.usage.map(({ quantity }) => quantity)]).toEqual([name, parts]);
      const cells = rows.filter((row) => row.includes(`,${name},`));
      expect([name, cells.map((row) => Number(row.split(",").at(-3)))]).toEqual([name, parts]);
    }
  },
  120_000,
);
