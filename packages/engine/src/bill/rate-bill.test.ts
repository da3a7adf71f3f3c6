import { describe, expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { billFactsFromText, billFactsToText, fromJson, toJson } from "./facts-json.ts";
import type { BillFacts } from "./facts.ts";
import { rateBill } from "./rate-bill.ts";
import {
  at,
  on,
  sampleAccountPlan,
  sampleFacts,
  samplePlan,
  samplePricing,
  standingCharge,
  usageOn,
} from "./sample-facts.ts";

/** The bill as `TYPE subtotal` rows and the total. */
const printed = (facts: BillFacts): readonly string[] => {
  const bill = rateBill(facts);
  if (bill.outcome === "failed") return bill.failures.map((failure) => JSON.stringify(failure));
  return [
    ...bill.lines.map((line) => `${line.lineItemType} ${line.subtotal.toFixed(2)}`),
    `= ${bill.billTotal.toFixed(2)} ${bill.currency}`,
  ];
};

describe("usage", () => {
  test("a month of 800 GB at 0.15, above 500 at 0.10", () => {
    const facts = sampleFacts({ usage: [usageOn("2024-06-03", 300), usageOn("2024-06-30", 500)] });
    expect(printed(facts)).toEqual(["USAGE 105.00", "= 105.00 USD"]);
  });

  test("the line carries bands, units and service period", () => {
    const bill = rateBill(sampleFacts({ usage: [usageOn("2024-06-03", 800)] }));
    const line = bill.outcome === "rated" ? bill.lines[0] : undefined;
    expect(line).toMatchObject({
      key: "USAGE/accountPlan/plan/pricing/5",
      description: "Gigabytes",
      sequenceNumber: 1,
      unit: "GB",
      currency: "USD",
      aggregationId: "aggregation",
    });
    expect(line?.averageUnitPrice.toString()).toBe("0.13125");
    expect(line?.servicePeriod.start.toString()).toBe("2024-06-01T00:00:00Z");
    expect(line?.servicePeriod.end.toString()).toBe("2024-07-01T00:00:00Z");
    expect(
      line?.bandUsage.map(
        (band) =>
          `${band.pricingBandId} ${band.bandUnits.toString()} ${band.bandSubtotal.toString()}`,
      ),
    ).toEqual(["band0 500 75", "band1 300 30"]);
  });

  test("nothing measured, no line; measured zero, the entry fee", () => {
    const stairs = samplePricing({
      cumulative: false,
      bands: [{ lowerLimit: decimal(0), fixedPrice: decimal(12), unitPrice: decimal(0) }],
    });
    const terms = {
      accountPlans: [sampleAccountPlan({ plans: [samplePlan({ pricings: [stairs] })] })],
    };
    expect(printed(sampleFacts({ terms }))).toEqual(["= 0.00 USD"]);
    expect(printed(sampleFacts({ terms, usage: [usageOn("2024-06-03", 0)] }))).toEqual([
      "USAGE 12.00",
      "= 12.00 USD",
    ]);
  });

  test("a price that starts in September leaves August without a usage charge", () => {
    const pricing = samplePricing({ active: { start: at("2024-09-01") } });
    const plans = [samplePlan({ pricings: [pricing], standingCharge: standingCharge(20) })];
    const facts = sampleFacts({
      terms: { billDate: on("2024-09-01"), accountPlans: [sampleAccountPlan({ plans })] },
      usage: [usageOn("2024-08-20", 100)],
    });
    expect(printed(facts)).toEqual(["STANDING_CHARGE 20.00", "= 20.00 USD"]);
  });

  test("two prices that share the month give two lines, each with its own ladder", () => {
    const pricings = [
      samplePricing({ id: "old", active: { start: at("2024-01-01"), end: at("2024-06-16") } }),
      samplePricing({ id: "new", active: { start: at("2024-06-16") } }),
    ];
    const facts = sampleFacts({
      terms: { accountPlans: [sampleAccountPlan({ plans: [samplePlan({ pricings })] })] },
      usage: [usageOn("2024-06-15", 600), usageOn("2024-06-16", 600)],
    });
    // Each 500 × 0.15 + 100 × 0.10 = 85; one ladder would have given 145.
    expect(printed(facts)).toEqual(["USAGE 85.00", "USAGE 85.00", "= 170.00 USD"]);
  });
});

describe("failures are answers", () => {
  test("no rate into the billing currency", () => {
    const facts = sampleFacts({ terms: { currency: "EUR" }, usage: [usageOn("2024-06-03", 800)] });
    expect(rateBill(facts)).toEqual({
      outcome: "failed",
      failures: [{ failure: "MISSING_CONVERSION_RATE", from: "USD", to: "EUR" }],
    });
  });

  test("a currency that must not be rounded", () => {
    const currencies = [{ code: "USD", maxDecimalPlaces: 1, roundingMode: "UNNECESSARY" }] as const;
    const exact = sampleFacts({ terms: { currencies }, usage: [usageOn("2024-06-03", 2)] });
    const inexact = sampleFacts({ terms: { currencies }, usage: [usageOn("2024-06-03", 1)] });
    expect(rateBill(exact).outcome).toBe("rated");
    expect(rateBill(inexact)).toEqual({
      outcome: "failed",
      failures: [{ failure: "ROUNDING_NECESSARY", currency: "USD", amount: decimal("0.15") }],
    });
  });

  test("a window nobody measured and a formula without an answer", () => {
    const facts = sampleFacts();
    expect(rateBill({ ...facts, quantities: {} })).toMatchObject({
      failures: [{ failure: "MISSING_QUANTITY", windowKey: "accountPlan/plan/pricing/5" }],
    });
    const quantities = {
      "accountPlan/plan/pricing/5": { quantity: null, error: "division by zero" },
    };
    expect(rateBill({ ...facts, quantities })).toMatchObject({
      failures: [{ failure: "CALCULATION_ERROR", message: "division by zero" }],
    });
  });
});

test("each amount is rounded once, from the exact one (m3ter semantics 18.9)", () => {
  const pricing = samplePricing({
    bands: [{ lowerLimit: decimal(0), fixedPrice: decimal(0), unitPrice: decimal("48.4972") }],
  });
  const facts = sampleFacts({
    terms: {
      currency: "EUR",
      conversions: [{ from: "USD", to: "EUR", multiplier: decimal("1.1") }],
      accountPlans: [sampleAccountPlan({ plans: [samplePlan({ pricings: [pricing] })] })],
    },
    usage: [usageOn("2024-06-03", 1)],
  });
  const bill = rateBill(facts);
  const line = bill.outcome === "rated" ? bill.lines[0] : undefined;
  // 48.4972 → 48.50; 48.4972 × 1.1 = 53.34692 → 53.35, not 48.50 × 1.1 = 53.35 by way of 48.50.
  expect(line?.subtotal.toString()).toBe("48.5");
  expect(line?.convertedSubtotal.toString()).toBe("53.35");
});

const asText = (bill: unknown): string => JSON.stringify(toJson(bill));

test("facts and bill survive as text, byte for byte", () => {
  const facts = sampleFacts({ usage: [usageOn("2024-06-03", "800.123456789")] });
  const text = billFactsToText(facts);
  expect(billFactsToText(billFactsFromText(text))).toBe(text);
  const bill = asText(rateBill(facts));
  expect(asText(rateBill(billFactsFromText(text)))).toBe(bill);
  expect(asText(fromJson(JSON.parse(bill)))).toBe(bill);
});
