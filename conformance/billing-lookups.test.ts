import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { compoundFormula } from "@turnpike/engine/bill/compound-quantity.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { BillingWorld } from "./billing-world.ts";

/** Compound aggregations that look values up (m3ter semantics 7, 8). */
let world: BillingWorld;
let tableId: string;

beforeAll(async () => {
  world = await BillingWorld.open();
  const declared = await world.get("customfields");
  await world.api.call("PUT", "customfields", { ...declared, account: { country: "none" } });
  tableId = await world.create("lookuptables", { name: "Rates", code: "rates" });
});
afterAll(() => world.close());

/** A revision of the table with these rates, published; archives the one before. */
const publish = async (rates: Readonly<Record<string, number>>): Promise<string> => {
  const path = `lookuptables/${tableId}/revisions`;
  const id = await world.create(path, {
    name: world.fresh("revision"),
    fields: [
      { name: "country", type: "STRING" },
      { name: "rate", type: "NUMBER" },
    ],
    keys: ["country"],
  });
  const items = Object.entries(rates).map(([country, rate]) => ({ country, rate }));
  await world.api.call("PUT", `${path}/${id}/data`, { items });
  const { version } = await world.get(`${path}/${id}`);
  await world.api.call("PUT", `${path}/${id}/status`, { status: "PUBLISHED", version });
  return id;
};

const shop = async () => {
  const productId = await world.product();
  const meter = await world.meter(productId);
  const plan = await world.plan(productId);
  const code = world.fresh("calls");
  await world.aggregation(meter.id, { code });
  const calculation = `aggregation.${code} * Lookup.findNumber("rates", "rate", 1, account.country)`;
  const compoundAggregationId = await world.create("compoundaggregations", {
    name: "Rated calls",
    code: world.fresh("rated"),
    calculation,
    rounding: "UP",
    quantityPerUnit: 1,
    unit: "call",
  });
  await world.price({ planId: plan.id, compoundAggregationId }, [[0, 2]]);
  const customer = async (country: string) => {
    const account = await world.account({ customFields: { country } });
    await world.attach(account.id, plan.id);
    return account;
  };
  return { meter, customer, code, calculation };
};

const explanation = z.looseObject({
  measurement: z.looseObject({
    aggregation: z.looseObject({
      type: z.literal("COMPOUND"),
      version: z.number(),
      calculation: z.string(),
      evaluateNullAggregations: z.boolean(),
    }),
    quantity: z.number(),
    calculation: z.object({
      aggregations: z.array(
        z.looseObject({ code: z.string(), version: z.number(), quantity: z.number() }),
      ),
      customFields: z.record(z.string(), z.union([z.string(), z.number()])),
      lookups: z.array(
        z.object({
          table: z.string(),
          keys: z.array(z.string()),
          revision: z.object({ id: z.string(), version: z.number() }),
          row: z.record(z.string(), z.union([z.string(), z.number(), z.null()])).optional(),
        }),
      ),
    }),
  }),
  events: z.array(z.looseObject({ uid: z.string(), aggregationId: z.string() })),
});

test("look a rate up by a custom field; an unknown key takes the default", async () => {
  await publish({ UK: 0.8, FR: 0.5 });
  const { meter, customer } = await shop();
  const [british, other] = [await customer("UK"), await customer("nowhere")];
  // m3ter semantics 5: 10 GiB at 0.8 are 8, of an unknown country 10; each costs 2.
  await world.use(meter.code, british.code, [["2024-01-10", 10]]);
  await world.use(meter.code, other.code, [["2024-01-10", 10]]);
  expect(await world.lines(british.id, "2024-02-01")).toEqual(["USAGE 16", "TOTAL 16"]);
  expect(await world.lines(other.id, "2024-02-01")).toEqual(["USAGE 20", "TOTAL 20"]);
});

test("take the revision that is published when the bill is calculated; an approved bill keeps its own", async () => {
  await publish({ UK: 0.8 });
  const { meter, customer } = await shop();
  const account = await customer("UK");
  await world.use(meter.code, account.code, [
    ["2024-01-10", 10],
    ["2024-02-10", 10],
  ]);
  const [january] = await world.bill(account.id, "2024-02-01");
  await world.approve(january?.id ?? "");
  await publish({ UK: 0.5 });
  // Late usage of January, at January's rate: 15 × 0.8 = 12, 4 more at 2. February: 10 × 0.5 = 5 at 2.
  await world.use(meter.code, account.code, [["2024-01-20", 5]]);
  expect((await world.lines(account.id, "2024-03-01")).toSorted()).toEqual(
    ["USAGE 8", "USAGE 10", "TOTAL 18"].toSorted(),
  );
  // Calculated again it takes the new rate: 15 × 0.5 = 7.5 → 8 at 2.
  expect(await world.lines(account.id, "2024-02-01")).toEqual(["USAGE 16", "TOTAL 16"]);
});

test("are explained by everything that they were calculated from", async () => {
  const revisionId = await publish({ UK: 0.8 });
  const { meter, customer, code, calculation } = await shop();
  const account = await customer("UK");
  await world.use(meter.code, account.code, [
    ["2024-01-10", 4],
    ["2024-01-11", 7],
  ]);
  const [bill] = await world.bill(account.id, "2024-02-01");
  const lineId = String(bill?.lineItems[0]?.["id"]);
  const path = `bills/${bill?.id}/lineitems/${lineId}/explain`;
  const { measurement, events } = explanation.parse(await world.get(path));
  expect(measurement.aggregation).toMatchObject({ calculation, version: 1 });
  expect(measurement.calculation).toMatchObject({
    aggregations: [{ code, version: 1, quantity: 11, method: "SUM", targetField: "amount" }],
    customFields: { "account.country": "UK" },
    lookups: [{ table: "rates", keys: ["UK"], revision: { id: revisionId }, row: { rate: 0.8 } }],
  });
  expect(events).toHaveLength(2);
  // 11 × 0.8 = 8.8, from nothing but the answer.
  const { aggregations, customFields, lookups } = measurement.calculation;
  const again = compoundFormula(measurement.aggregation).evaluate({
    aggregations: Object.fromEntries(
      aggregations.map((one) => [one.code, decimal(String(one.quantity))]),
    ),
    customFields,
    lookups,
  });
  expect(again.unanswered).toEqual([]);
  expect(again.quantity?.toString()).toBe("8.8");
  expect(measurement.quantity).toBe(8.8);
});

test("name the table that is not published, and make no bill", async () => {
  const { meter, customer } = await shop();
  const account = await customer("UK");
  await world.use(meter.code, account.code, [["2024-01-10", 10]]);
  const revisions = await world.list(`lookuptables/${tableId}/revisions`);
  for (const { id, version, status } of revisions) {
    const change = { status: "ARCHIVED", version };
    const revision = `lookuptables/${tableId}/revisions/${String(id)}`;
    if (status === "PUBLISHED") await world.api.call("PUT", `${revision}/status`, change);
  }
  const job = await world.finish(
    await world.startJob({ billDate: "2024-02-01", accountIds: [account.id] }),
  );
  expect(JSON.stringify(job.failures)).toContain('no published lookup table \\"rates\\"');
  expect(await world.bills(account.id, "2024-02-01")).toEqual([]);
});
