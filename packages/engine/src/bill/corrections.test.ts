import { describe, expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { advanceLinesOf } from "./advance-lines.ts";
import { correctionsOf } from "./corrections.ts";
import type { BillFacts } from "./facts.ts";
import { rateBill, type RatedBill } from "./rate-bill.ts";
import {
  billText,
  minimumSpend,
  on,
  planFacts,
  sampleCommitment,
  samplePricing,
  tiered,
  usageOn,
} from "./sample-facts.ts";

const rated = (facts: BillFacts): RatedBill => {
  const bill = rateBill(facts);
  if (bill.outcome === "failed") throw new Error(JSON.stringify(bill.failures));
  return bill;
};

/** The old bill as the server stores it: each line with an id. */
const billed = (bill: RatedBill) =>
  bill.lines.map((line) => ({ lineItemId: `id of ${line.key}`, line }));

const plan = {
  pricings: [samplePricing(tiered([0, "0.15"], [500, "0.10"]))],
  minimumSpend: minimumSpend(70),
};
const commitments = [sampleCommitment({ amount: decimal(1000), spentBefore: decimal(940) })];

const june = (gigabytes: number) =>
  planFacts(plan, { terms: { commitments }, usage: [usageOn("2024-06-10", gigabytes)] });

describe("100 GB become 800 GB after the bill was approved", () => {
  // Billed: usage 15, top-up 55, consumed −15 and −45 = 10. Re-rated: usage 105, consumed −60 = 45.
  // The commitment now pays for usage alone: +45 on the top-up, −45 on the usage.
  const was = rated(june(100));
  const is = rated(june(800));
  const corrections = correctionsOf({
    billId: "june",
    billingCurrency: "USD",
    billed: billed(was),
    corrected: [],
    rerated: is.lines,
  });
  const july = planFacts(
    { pricings: [] },
    { terms: { billDate: on("2024-08-01"), commitments, corrections } },
  );

  test("one line for each line that differs, naming bill and line", () => {
    expect(billText(june(100)).at(-1)).toBe("= 10.00");
    expect(billText(june(800)).at(-1)).toBe("= 45.00");
    const lines = rated(july).lines;
    expect(
      lines.map((line) => `${line.lineItemType} ${line.subtotal.toFixed(2)} ${line.description}`),
    ).toEqual([
      "USAGE 90.00 Correction: Gigabytes",
      "MINIMUM_SPEND -55.00 Correction: Storage Minimum Spend Adjustment",
      "COMMITMENT_CONSUMED 45.00 Correction: Commitment Consumed",
      "COMMITMENT_CONSUMED -45.00 Correction: Commitment Consumed",
    ]);
    expect(lines[0]?.correctedLineKey).toBe("USAGE/accountPlan/plan/pricing/5");
    expect(lines.every(({ referencedBillId }) => referencedBillId === "june")).toBe(true);
    expect(lines.find(({ lineItemType }) => lineItemType === "USAGE")?.referencedLineItemId).toBe(
      "id of USAGE/accountPlan/plan/pricing/5",
    );
  });

  test("old bill + corrections = re-rated bill", () => {
    expect(was.billTotal.plus(rated(july).billTotal).toString()).toBe(is.billTotal.toString());
  });

  test("what a line sums up for later bills to settle is not there twice", () => {
    const summarized = [{ key: "one child's", subtotal: decimal(10) }];
    const advance = corrections.map((one) => ({ ...one, line: { ...one.line, summarized } }));
    const lines = rated({ ...july, corrections: advance }).lines;
    expect(lines).toHaveLength(corrections.length);
    expect(advanceLinesOf(lines).map(({ key }) => key)).not.toContain("one child's");
  });

  test("a second correction starts from the first", () => {
    const again = (gigabytes: number) =>
      correctionsOf({
        billId: "june",
        billingCurrency: "USD",
        billed: billed(was),
        corrected: corrections,
        rerated: rated(june(gigabytes)).lines,
      });
    expect(again(800)).toEqual([]);
    // Back to 100 GB: the first correction is taken back.
    const back = again(100).map(({ key, subtotal }) => `${key.at(-1)} ${subtotal.toFixed(2)}`);
    expect(back).toContain("2 -90.00");
  });
});

test("what a correction takes from a commitment is gone for the bill that carries it", () => {
  const bare = { pricings: [samplePricing(tiered([0, 1]))] };
  const commitment = sampleCommitment({ amount: decimal(100) });
  const month = (given: { billDate: string; spent: number; usage: [string, number] }) =>
    planFacts(bare, {
      terms: {
        billDate: on(given.billDate),
        commitments: [{ ...commitment, spentBefore: decimal(given.spent) }],
      },
      usage: [usageOn(...given.usage)],
    });
  const was = rated(month({ billDate: "2024-07-01", spent: 0, usage: ["2024-06-10", 30] }));
  const is = rated(month({ billDate: "2024-07-01", spent: 0, usage: ["2024-06-10", 80] }));
  const corrections = correctionsOf({
    billId: "june",
    billingCurrency: "USD",
    billed: billed(was),
    corrected: [],
    rerated: is.lines,
  });
  const july = month({ billDate: "2024-08-01", spent: 30, usage: ["2024-07-10", 60] });
  // 100 − 30 − 50 of the correction = 20 are left for July's 60.
  expect(billText({ ...july, corrections })).toEqual([
    "USAGE 50.00",
    "USAGE 60.00",
    "COMMITMENT_CONSUMED -50.00",
    "COMMITMENT_CONSUMED -20.00",
    "= 40.00",
  ]);
});

test("in another billing currency the difference is converted from the old bill's", () => {
  const was = rated(june(100));
  const is = rated(june(500));
  const corrections = correctionsOf({
    billId: "june",
    billingCurrency: "USD",
    billed: billed(was),
    corrected: [],
    rerated: is.lines,
  });
  const facts = planFacts(
    { pricings: [] },
    {
      terms: {
        currency: "EUR",
        conversions: [{ from: "USD", to: "EUR", multiplier: decimal("0.5") }],
        corrections,
      },
    },
  );
  // Billed 10.00 USD, re-rated 75 − 60 = 15.00 USD: 5.00 USD = 2.50 EUR.
  expect(rated(facts).billTotal.toFixed(2)).toBe("2.50");
});
