import { describe, expect, test } from "vitest";
import { z } from "zod";
import { amountOf, type Derivation } from "@turnpike/engine/bill/derivation.ts";
import { type Decimal, decimal, sum, zero } from "@turnpike/engine/exact/decimal.ts";
import { type Bill, billingServer } from "./billed-account.ts";

const on = billingServer();

const event = z.looseObject({
  uid: z.string(),
  ts: z.string(),
  accountId: z.string(),
  values: z.record(z.string(), z.unknown()),
});
const explanation = z.looseObject({
  lineItem: z.looseObject({ lineItemType: z.string(), subtotal: z.number() }),
  measurement: z
    .looseObject({
      aggregation: z.looseObject({
        targetField: z.string().optional(),
        method: z.string().optional(),
        rounding: z.string(),
        quantityPerUnit: z.number(),
      }),
      quantity: z.number(),
    })
    .optional(),
  derivation: z.looseObject({ how: z.string() }),
  exactAmount: z.number(),
  currencies: z.array(z.looseObject({ code: z.string(), maxDecimalPlaces: z.number() })),
  prices: z.array(
    z.looseObject({
      id: z.string(),
      version: z.number(),
      bands: z.array(
        z.looseObject({ lowerLimit: z.number(), unitPrice: z.number(), fixedPrice: z.number() }),
      ),
    }),
  ),
  events: z.array(event),
  nextToken: z.string().optional(),
});
type Explanation = z.output<typeof explanation>;

/** The whole answer, the events from every page. */
const explain = async (bill: Bill, lineId: string, pageSize = 1000): Promise<Explanation> => {
  const path = `bills/${bill.id}/lineitems/${lineId}/explain?pageSize=${pageSize}`;
  const first = explanation.parse(await on().send("GET", path));
  const events = [...first.events];
  let { nextToken } = first;
  while (nextToken !== undefined) {
    const page = explanation.parse(await on().send("GET", `${path}&nextToken=${nextToken}`));
    expect(page.events.length).toBeGreaterThan(0);
    expect(page.events.length).toBeLessThanOrEqual(pageSize);
    events.push(...page.events);
    nextToken = page.nextToken;
  }
  return { ...first, events };
};

/** The derivation with its numbers as the engine has them. */
const revived = (value: unknown): unknown => {
  if (typeof value === "number") return decimal(String(value));
  if (Array.isArray(value)) return value.map(revived);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, revived(field)]));
};

/** A usage line once more, from nothing but the answer: events → quantity → units → bands → money. */
const recomputed = ({ events, measurement, prices, currencies }: Explanation) => {
  const { targetField = "", quantityPerUnit = 1 } = measurement?.aggregation ?? {};
  const quantity = sum(events.map(({ values }) => decimal(String(values[targetField]))));
  // The aggregation says SUM, and UP to whole units.
  const units = quantity.div(decimal(quantityPerUnit)).toInteger("UP");
  const bands = prices[0]?.bands ?? [];
  // Graduated: each band prices the units from its lower limit to the next one's.
  const exact = bands.reduce((total: Decimal, band, index) => {
    const from = decimal(band.lowerLimit);
    const next = bands[index + 1];
    const to =
      next === undefined || units.lt(decimal(next.lowerLimit)) ? units : decimal(next.lowerLimit);
    if (!from.lt(units)) return total;
    return total.plus(to.minus(from).times(decimal(band.unitPrice))).plus(decimal(band.fixedPrice));
  }, zero);
  const places = currencies.find(({ code }) => code === "USD")?.maxDecimalPlaces ?? 2;
  return { quantity, units, subtotal: exact.round(places, "HALF_UP") };
};

const failed = (): never => {
  throw new Error("no bill");
};

describe("the explanation of a line", () => {
  const days = Array.from({ length: 25 }, (_, index) => String(index + 1).padStart(2, "0"));

  test("is enough to calculate a usage line again, from the events behind it", async () => {
    const accountId = await on().account("explained");
    // 25 days × 7 calls = 175; a day before and a day after the month, and another customer, do not count.
    await on().use(
      "explained",
      days.map((day) => [`2024-03-${day}`, 7] as const),
    );
    await on().use("explained", [
      ["2024-02-29T23:59:59Z", 1000],
      ["2024-04-01T00:00:00Z", 1000],
    ]);
    await on().account("bystander");
    await on().use("bystander", [["2024-03-10", 1000]]);
    const [bill] = await on().run("2024-03-31", [accountId]);
    const line = bill?.lineItems.find(({ lineItemType }) => lineItemType === "USAGE");
    if (bill === undefined || line === undefined) throw new Error("no usage line");

    const answer = await explain(bill, line.id, 10);
    expect(answer.events).toHaveLength(25);
    expect(new Set(answer.events.map(({ uid }) => uid)).size).toBe(25);
    expect(answer.measurement).toMatchObject({
      aggregation: { id: on().aggregationId, method: "SUM", targetField: "calls" },
      windows: [{ accountId, start: "2024-03-01T00:00:00Z", end: "2024-04-01T00:00:00Z" }],
    });
    expect(answer.prices[0]).toMatchObject({ id: on().pricingId, version: 1 });
    const again = recomputed(answer);
    // 100 × 0.10 + 75 × 0.05 = 13.75
    expect([again.quantity, again.units, again.subtotal].map(String)).toEqual([
      "175",
      "175",
      "13.75",
    ]);
    expect(line).toMatchObject({ quantity: 175, units: 175, subtotal: 13.75 });
  });

  test("says when its events are no longer those that an approved bill counts", async () => {
    const accountId = await on().account("late");
    await on().use("late", [["2024-03-10", 40]]);
    const [bill] = await on().run("2024-03-31", [accountId]);
    const line = bill?.lineItems.find(({ lineItemType }) => lineItemType === "USAGE");
    if (bill === undefined || line === undefined) throw new Error("no usage line");
    await on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    await on().use("late", [["2024-04-02", 5]]);
    expect((await explain(bill, line.id)).measurement).toMatchObject({ usageChanged: false });
    await on().use("late", [["2024-03-11", 5]]);
    const answer = await explain(bill, line.id);
    expect(answer.measurement).toMatchObject({ quantity: 40, usageChanged: true });
    expect(answer.events).toHaveLength(2);
    // The next bill says what it puts right: 45 calls are 4.50 by now, of which 4.00 were billed.
    const [next] = await on().run("2024-04-30", [accountId]);
    const correction = next?.lineItems.find(({ description }) =>
      description.startsWith("Correction"),
    );
    if (next === undefined || correction === undefined) throw new Error("no correction");
    expect(correction).toMatchObject({ referencedLineItemId: line.id, subtotal: 0.5 });
    expect(await explain(next, correction.id)).toMatchObject({
      derivation: { how: "CORRECTED", due: 4.5, billed: 4, corrected: 0 },
      exactAmount: 0.5,
    });
  });

  test("gives every line's amount by the derivation alone", async () => {
    const accountId = await on().account("derived");
    await on().use("derived", [["2024-03-10", 33]]);
    const [bill] = await on().run("2024-03-31", [accountId]);
    if (bill === undefined) throw new Error("no bill");
    await on().send("POST", `bills/${bill.id}/creditlineitems`, { amount: 2.25, description: "x" });
    const { lineItems } = await on().bill(bill.id);
    expect(lineItems).toHaveLength(3);
    for (const line of lineItems) {
      const answer = await explain(bill, line.id);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the published shape is the engine's
      const exact = amountOf(revived(answer.derivation) as Derivation);
      expect(exact.toString()).toBe(String(answer.exactAmount));
      expect(exact.round(2, "HALF_UP")?.toString()).toBe(String(line.subtotal));
    }
  });

  test("gives the amount of every kind of line by the derivation alone", async () => {
    const { client, productId, meterId } = on();
    const aggregate = async (code: string, fields: object = {}): Promise<string> => {
      const { id } = await client.create("aggregations", {
        name: code,
        code,
        meterId,
        targetField: "calls",
        aggregation: "SUM",
        rounding: "NONE",
        quantityPerUnit: 1,
        unit: "call",
        ...fields,
      });
      return id;
    };
    const { id: planTemplateId } = await client.create("plantemplates", {
      productId,
      name: "Everything",
      currency: "USD",
      billFrequency: "MONTHLY",
      standingCharge: 9.99,
      minimumSpend: 900,
    });
    const plan = { planTemplateId, name: "Everything", code: "everything" };
    const { id: planId } = await client.create("plans", plan);
    const band = (lowerLimit: number, unitPrice: number, fixedPrice = 0) => ({
      lowerLimit,
      unitPrice,
      fixedPrice,
    });
    const price = (measured: object, fields: object) =>
      client.create("pricings", {
        planId,
        startDate: "2024-01-01T00:00:00Z",
        cumulative: true,
        ...measured,
        ...fields,
      });
    const tiers = [band(0, 0.0333), band(30, 0.0111)];
    await price({ aggregationId: await aggregate("tiered") }, { pricingBands: tiers });
    await price(
      { aggregationId: await aggregate("volume") },
      { cumulative: false, pricingBands: tiers },
    );
    await price(
      { aggregationId: await aggregate("stairs") },
      { cumulative: false, pricingBands: [band(0, 0, 12), band(40, 0, 25)] },
    );
    await price(
      { aggregationId: await aggregate("spanning", { aggregation: "MAX" }) },
      { tiersSpanPlan: true, pricingBands: tiers },
    );
    await price(
      { aggregationId: await aggregate("credit", { aggregation: "COUNT" }) },
      { type: "PRODUCT_CREDIT", pricingBands: [band(0, 0.777)] },
    );
    await price(
      { aggregationId: await aggregate("global", { aggregation: "MIN" }) },
      { type: "GLOBAL_CREDIT", pricingBands: [band(0, 0.001)] },
    );
    const { id: compoundAggregationId } = await client.create("compoundaggregations", {
      name: "Third",
      code: "third",
      calculation: "aggregation.tiered / 3",
      rounding: "NONE",
      quantityPerUnit: 1,
      unit: "call",
    });
    await price({ compoundAggregationId }, { pricingBands: [band(0, 1)] });
    const { id: counterId } = await client.create("counters", {
      name: "Seats",
      unit: "seat",
      productId,
    });
    await client.create("counterpricings", {
      counterId,
      planId,
      startDate: "2024-01-01T00:00:00Z",
      cumulative: true,
      pricingBands: [band(0, 2), band(20, 3)],
    });
    const { id: accountId } = await client.create("accounts", {
      name: "everything",
      code: "everything",
      emailAddress: "billing@everything.example.com",
    });
    await client.create("accountplans", { accountId, planId, startDate: "2024-01-01T00:00:00Z" });
    for (const [date, value] of [
      ["2024-02-10", 15],
      ["2024-03-10", 22],
      ["2024-03-20", 20],
    ] as const) {
      await client.create("counteradjustments", { accountId, counterId, date, value });
    }
    const during = { startDate: "2024-01-01", endDate: "2025-01-01", currency: "USD" };
    const surcharge = { overageSurchargePercent: 7.5, lineItemTypes: ["USAGE"] };
    await client.create("commitments", { accountId, ...during, amount: 20, ...surcharge });
    const { id: balanceId } = await client.create("balances", {
      accountId,
      name: "Wallet",
      code: "everything-wallet",
      currency: "USD",
      startDate: "2024-01-01T00:00:00Z",
      endDate: "2025-01-01T00:00:00Z",
      lineItemTypes: ["STANDING_CHARGE"],
    });
    await client.create(`balances/${balanceId}/transactions`, {
      amount: 5,
      appliedDate: "2024-01-01T00:00:00Z",
    });
    await client.create("charges", {
      accountId,
      name: "Onboarding",
      code: "everything-onboarding",
      currency: "USD",
      entityType: "AD_HOC",
      lineItemType: "AD_HOC",
      units: 3,
      unitPrice: 1.115,
      billDate: "2024-04-01",
      servicePeriodStartDate: "2024-03-01T00:00:00Z",
      servicePeriodEndDate: "2024-04-01T00:00:00Z",
    });
    await on().use("everything", [
      ["2024-02-10", 25],
      ["2024-03-10", 41],
      ["2024-03-20", 9],
    ]);
    const [bill] = await on().run("2024-03-31", [accountId]);
    if (bill === undefined) throw new Error("no bill");
    const { lineItems } = await on().bill(bill.id);
    expect([...new Set(lineItems.map(({ lineItemType }) => lineItemType))].toSorted()).toEqual([
      "AD_HOC",
      "BALANCE_CONSUMED",
      "COMMITMENT_CONSUMED",
      "COUNTER_ADJUSTMENT_CREDIT",
      "COUNTER_ADJUSTMENT_DEBIT",
      "COUNTER_RUNNING_TOTAL_CHARGE",
      "MINIMUM_SPEND",
      "OVERAGE_SURCHARGE",
      "STANDING_CHARGE",
      "USAGE",
      "USAGE_CREDIT",
    ]);
    for (const line of lineItems) {
      const answer = await explain(bill, line.id);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the published shape is the engine's
      const exact = amountOf(revived(answer.derivation) as Derivation);
      expect(exact.round(12, "HALF_UP")?.toString()).toBe(
        decimal(String(answer.exactAmount)).round(12, "HALF_UP")?.toString(),
      );
      expect(exact.round(2, "HALF_UP")?.toString()).toBe(String(line.subtotal));
    }
  });

  test("shows what a commitment paid of a line, with its balance before and after", async () => {
    const accountId = await on().account("prepaid");
    const { id: commitmentId } = await on().client.create("commitments", {
      accountId,
      startDate: "2024-01-01",
      endDate: "2025-01-01",
      currency: "USD",
      amount: 15,
      amountPrePaid: 15,
    });
    await on().use("prepaid", [["2024-03-10", 150]]);
    const [bill] = await on().run("2024-03-31", [accountId]);
    if (bill === undefined) throw new Error("no bill");
    // 12.50 of usage is paid in full, and 2.50 of the standing charge: 32.50 - 15.00
    expect(bill.billTotal).toBe(17.5);
    const lines = Object.fromEntries(bill.lineItems.map((line) => [line.lineItemType, line]));
    const usage = await explain(bill, lines["USAGE"]?.id ?? "");
    expect(usage["drawDowns"]).toEqual([
      expect.objectContaining({
        commitmentId,
        amount: 12.5,
        balanceBefore: 15,
        balanceAfter: 2.5,
        paidLineItemId: lines["USAGE"]?.id,
      }),
    ]);
    const standing = await explain(bill, lines["STANDING_CHARGE"]?.id ?? "");
    expect(standing["drawDowns"]).toEqual([
      expect.objectContaining({ amount: 2.5, balanceBefore: 2.5, balanceAfter: 0 }),
    ]);
    for (const line of bill.lineItems) {
      const answer = await explain(bill, line.id);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the published shape is the engine's
      const exact = amountOf(revived(answer.derivation) as Derivation);
      expect(exact.round(2, "HALF_UP")?.toString()).toBe(String(line.subtotal));
    }
  });

  test("counts only the events of a segmented line's own segment", async () => {
    const { meterId, client } = on();
    const segments = [{ model: "large" }, { model: "*" }];
    const { id: aggregationId } = await client.create("aggregations", {
      name: "Calls by model",
      meterId,
      targetField: "calls",
      aggregation: "SUM",
      rounding: "NONE",
      quantityPerUnit: 1,
      unit: "call",
      segmentedFields: ["model"],
      segments,
    });
    const accountId = await on().account("segmented");
    for (const segment of segments) {
      await client.create("pricings", {
        planId: on().planId,
        aggregationId,
        segment,
        startDate: "2024-05-01T00:00:00Z",
        cumulative: true,
        pricingBands: [{ lowerLimit: 0, unitPrice: 1, fixedPrice: 0 }],
      });
    }
    await on().use("segmented", [
      ["2024-05-10", 3, "large"],
      ["2024-05-11", 4, "small"],
      ["2024-05-12", 5, "large"],
    ]);
    const [bill] = await on().run("2024-05-31", [accountId]);
    const byModel = bill?.lineItems.filter((line) => line["segment"] !== undefined) ?? [];
    expect(byModel.map(({ quantity }) => quantity).toSorted((a, b) => a - b)).toEqual([4, 8]);
    for (const line of byModel) {
      const { events } = await explain(bill ?? failed(), line.id);
      const calls = events.map(({ values }) => Number(values["calls"]));
      expect(calls.reduce((total, one) => total + one, 0)).toBe(line.quantity);
    }
  });

  test("shows prices as they stood when the bill was calculated", async () => {
    const accountId = await on().account("repriced");
    await on().use("repriced", [["2024-03-10", 10]]);
    const [bill] = await on().run("2024-03-31", [accountId]);
    const line = bill?.lineItems[0];
    if (bill === undefined || line === undefined) throw new Error("no usage line");
    const path = `pricings/${on().pricingId}`;
    const { id: _id, ...price } = await on().client.get(path);
    const pricingBands = [{ lowerLimit: 0, unitPrice: 9, fixedPrice: 0 }];
    await on().client.put(path, { ...price, pricingBands });
    const answer = await explain(bill, line.id);
    expect(answer.prices[0]?.bands[0]?.unitPrice).toBe(0.1);
    expect(recomputed(answer).subtotal?.toString()).toBe(String(line.subtotal));
  });

  test.each([
    ["bills/none/lineitems/none/explain", "404 NOT_FOUND"],
    ["bills/{bill}/lineitems/none/explain", "404 NOT_FOUND"],
    ["bills/{bill}/lineitems/{line}/explain?nextToken=x", "400 INVALID_NEXT_TOKEN"],
    ["bills/{bill}/lineitems/{line}/explain?pageSize=0", "400 VALIDATION_FAILED"],
  ])("%s is refused", async (path, expected) => {
    const [bill] = await on().bills("bills?pageSize=1");
    const at = path
      .replace("{bill}", bill?.id ?? "")
      .replace("{line}", bill?.lineItems[0]?.id ?? "");
    expect(await on().refusal("GET", at)).toBe(expected);
  });
});
