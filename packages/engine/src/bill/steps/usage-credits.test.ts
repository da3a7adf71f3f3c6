import { expect, test } from "vitest";
import { decimal, type DecimalInput } from "../../exact/decimal.ts";
import type { PlanTerms } from "../facts.ts";
import {
  billText,
  sampleAccountPlan,
  sampleAggregation,
  sampleFacts,
  samplePlan,
  samplePricing,
  tiered,
  usageOn,
} from "../sample-facts.ts";

const pricing = (id: string, type: "DEBIT" | "PRODUCT_CREDIT" | "GLOBAL_CREDIT") =>
  samplePricing({ ...tiered([0, 1]), id, type, aggregation: { ...sampleAggregation, id } });

const plan = (id: string, changes: Partial<PlanTerms>): PlanTerms =>
  samplePlan({ id, product: { id, name: id, code: id }, ...changes });

const facts = (amounts: Readonly<Record<string, DecimalInput>>, changes: Partial<PlanTerms> = {}) =>
  sampleFacts({
    terms: {
      conversions: [{ from: "EUR", to: "USD", multiplier: decimal("1.25") }],
      accountPlans: [
        sampleAccountPlan({
          plans: [
            plan("A", {
              ...changes,
              pricings: [
                pricing("usageA", "DEBIT"),
                pricing("productCredit", "PRODUCT_CREDIT"),
                pricing("globalCredit", "GLOBAL_CREDIT"),
              ],
            }),
            plan("B", { pricings: [pricing("usageB", "DEBIT")] }),
          ],
        }),
      ],
    },
    usage: Object.entries(amounts).map(([aggregationId, value]) =>
      usageOn("2024-06-10", value, { aggregationId }),
    ),
  });

test("a product credit stops at its product, a global one at the bill", () => {
  // Usage A 60, B 40; product credit 80 → −60; global credit 50 → −40; total 0.
  const given = { usageA: 60, usageB: 40, productCredit: 80, globalCredit: 50 };
  expect(billText(facts(given))).toEqual([
    "USAGE 60.00",
    "USAGE 40.00",
    "USAGE_CREDIT -40.00",
    "USAGE_CREDIT -60.00",
    "= 0.00",
  ]);
});

test("below the caps a credit is given in full", () => {
  expect(billText(facts({ usageA: 60, usageB: 40, productCredit: 10, globalCredit: 5 }))).toEqual([
    "USAGE 60.00",
    "USAGE 40.00",
    "USAGE_CREDIT -5.00",
    "USAGE_CREDIT -10.00",
    "= 85.00",
  ]);
});

test("without anything to credit there is no line", () => {
  expect(billText(facts({ productCredit: 10, globalCredit: 5 }))).toEqual(["= 0.00"]);
});

test("a global credit in another currency stops at the bill's total, to the cent", () => {
  // A in EUR at 1.25: usage A 60 EUR = 75.00 USD, usage B 40.01 USD: 115.01 USD / 1.25 = 92.008 EUR.
  const given = facts({ usageA: 60, usageB: "40.01", globalCredit: 500 }, { currency: "EUR" });
  expect(billText(given)).toEqual(["USAGE 60.00", "USAGE 40.01", "USAGE_CREDIT -92.01", "= 0.00"]);
});

test("a credit that takes a whole product in another currency leaves no cent of it", () => {
  const accountPlans = [
    sampleAccountPlan({
      plans: [
        plan("A", {
          currency: "EUR",
          pricings: [
            pricing("one", "DEBIT"),
            pricing("two", "DEBIT"),
            pricing("credit", "PRODUCT_CREDIT"),
          ],
        }),
      ],
    }),
  ];
  const given = sampleFacts({
    terms: {
      accountPlans,
      conversions: [{ from: "EUR", to: "USD", multiplier: decimal("1.1") }],
    },
    usage: [
      usageOn("2024-06-10", "0.05", { aggregationId: "one" }),
      usageOn("2024-06-10", "0.05", { aggregationId: "two" }),
      usageOn("2024-06-10", "0.10", { aggregationId: "credit" }),
    ],
  });
  // Each 0.05 prints as 0.06 USD (0.055); 0.10 × 1.1 = 0.11 would leave one cent of 0.12.
  expect(billText(given)).toEqual(["USAGE 0.05", "USAGE 0.05", "USAGE_CREDIT -0.10", "= 0.00"]);
});
