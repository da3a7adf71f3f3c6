import { describe, expect, test } from "vitest";
import { decimal, type DecimalInput } from "../exact/decimal.ts";
import type { BillFacts } from "./facts.ts";
import { type BillLine, rateBill } from "./rate-bill.ts";
import {
  at,
  bands,
  billText,
  credited,
  planFacts,
  sampleBalance,
  sampleCommitment,
  samplePricing,
  tiered,
  usageOn,
  volume,
} from "./sample-facts.ts";

const priced = (changes: Parameters<typeof samplePricing>[0]) => ({
  pricings: [samplePricing(changes)],
});
const overageBands = bands([0, "0.12"]);

const lines = (facts: BillFacts): readonly BillLine[] => {
  const bill = rateBill(facts);
  return bill.outcome === "rated" ? bill.lines : [];
};

const flat = (price: DecimalInput) => ({ pricings: [samplePricing(tiered([0, price]))] });
const used = (value: DecimalInput) => [usageOn("2024-06-10", value)];

test("$10 a unit and 10 % surcharge: units above the credit cost $11 (documented)", () => {
  const commitment = sampleCommitment({
    amount: decimal(50),
    overageSurchargePercent: decimal(10),
  });
  const facts = planFacts(flat(10), { terms: { commitments: [commitment] }, usage: used(6) });
  // 60 − 50 + 10 % of 10: the sixth unit costs 11.
  expect(billText(facts).at(-1)).toBe("= 11.00");
});

describe("overage (m3ter semantics 15.6)", () => {
  const pricing = samplePricing({ ...tiered([0, "0.10"]), overageBands: bands([0, "0.12"]) });
  const commitments = [sampleCommitment({ amount: decimal(60) })];

  test("overage bands: 600 of 1,000 units use up $60, the other 400 cost $0.12", () => {
    const facts = planFacts({ pricings: [pricing] }, { terms: { commitments }, usage: used(1000) });
    expect(billText(facts)).toEqual([
      "USAGE 60.00",
      "OVERAGE_USAGE 48.00",
      "COMMITMENT_CONSUMED -60.00",
      "= 48.00",
    ]);
    expect(lines(facts).map(({ units }) => units.toString())).toEqual(["600", "400", "1"]);
  });

  test("an exhausted credit leaves only overage", () => {
    const spent = [sampleCommitment({ amount: decimal(60), spentBefore: decimal(60) })];
    const facts = planFacts(
      { pricings: [pricing] },
      { terms: { commitments: spent }, usage: used(1000) },
    );
    expect(billText(facts)).toEqual(["OVERAGE_USAGE 120.00", "= 120.00"]);
  });

  test("overage bands wait for a credit to be exhausted, and give way to a surcharge", () => {
    const none = planFacts({ pricings: [pricing] }, { usage: used(1000) });
    expect(billText(none)).toEqual(["USAGE 100.00", "= 100.00"]);
    const surcharged = [
      sampleCommitment({ amount: decimal(60), overageSurchargePercent: decimal(50) }),
    ];
    const facts = planFacts(
      { pricings: [pricing] },
      { terms: { commitments: surcharged }, usage: used(1000) },
    );
    // 40 uncovered × 50 %.
    expect(billText(facts)).toEqual([
      "USAGE 100.00",
      "COMMITMENT_CONSUMED -60.00",
      "OVERAGE_SURCHARGE 20.00",
      "= 60.00",
    ]);
  });

  test("separate overage: the uncovered part under its own name, at its ordinary price", () => {
    const separate = [sampleCommitment({ amount: decimal(60), separateOverageUsage: true })];
    const facts = planFacts(
      { pricings: [samplePricing(tiered([0, "0.15"], [500, "0.10"]))] },
      { terms: { commitments: separate }, usage: used(800) },
    );
    // 105 in all; 60 / 0.15 = 400 units are covered, the other 400 cost 45.
    expect(billText(facts)).toEqual([
      "USAGE 60.00",
      "OVERAGE_USAGE 45.00",
      "COMMITMENT_CONSUMED -60.00",
      "= 45.00",
    ]);
    expect(lines(facts).map(({ units }) => units.toString())).toEqual(["400", "400", "1"]);
  });

  test("a negative surcharge is a discount", () => {
    const discount = [
      sampleCommitment({ amount: decimal(60), overageSurchargePercent: decimal(-10) }),
    ];
    const facts = planFacts(flat("0.10"), { terms: { commitments: discount }, usage: used(1000) });
    expect(billText(facts)).toEqual([
      "USAGE 100.00",
      "COMMITMENT_CONSUMED -60.00",
      "OVERAGE_SURCHARGE -4.00",
      "= 36.00",
    ]);
  });

  test("free units come before the overage price list", () => {
    const free = samplePricing({
      ...tiered([0, 0], [100, "0.10"]),
      overageBands: bands([0, "0.12"]),
    });
    const spent = [sampleCommitment({ amount: decimal(60), spentBefore: decimal(60) })];
    const facts = planFacts(
      { pricings: [free] },
      { terms: { commitments: spent }, usage: used(1000) },
    );
    // The first 100 units cost nothing and stay; 900 × 0.12.
    expect(billText(facts)).toEqual(["USAGE 0.00", "OVERAGE_USAGE 108.00", "= 108.00"]);
  });
});

describe("whose overage terms apply ([R], m3ter semantics 15.4)", () => {
  const usage = [usageOn("2024-06-10", 1000)];
  const soon = sampleCommitment({
    id: "soon",
    amount: decimal(10),
    period: { start: at("2024-01-01"), end: at("2024-08-01") },
    overageSurchargePercent: decimal(50),
  });
  const late = sampleCommitment({
    id: "late",
    amount: decimal(20),
    overageSurchargePercent: decimal(10),
  });

  test("of two exhausted ones the last in draw order", () => {
    const facts = planFacts(priced(tiered([0, "0.10"])), {
      terms: { commitments: [soon, late] },
      usage,
    });
    // 100 − 10 − 20 = 70 are uncovered: 10 % of them.
    expect(billText(facts)).toEqual([
      "USAGE 100.00",
      "COMMITMENT_CONSUMED -20.00",
      "COMMITMENT_CONSUMED -10.00",
      "OVERAGE_SURCHARGE 7.00",
      "= 77.00",
    ]);
  });

  test("a balance's surcharge, once it is empty", () => {
    const balances = [sampleBalance({ overageSurchargePercent: decimal(25) })];
    const facts = planFacts(priced(tiered([0, "0.12"])), { terms: { balances }, usage });
    // 120 − 100 = 20, of which 25 %.
    expect(billText(facts).slice(-2)).toEqual(["OVERAGE_SURCHARGE 5.00", "= 25.00"]);
  });

  test("only what was used while the credit was there is overage", () => {
    const balances = [
      sampleBalance({
        period: { start: at("2024-06-11"), end: at("2024-12-01") },
        overageSurchargePercent: decimal(10),
        transactions: [credited("2024-06-11", 30)],
      }),
    ];
    const facts = planFacts(priced(tiered([0, 1])), {
      terms: { balances },
      usage: [usageOn("2024-06-10", 50), usageOn("2024-06-20", 80)],
    });
    // 80 in the window, 30 covered: 10 % of 50. The 50 before the balance pay no surcharge.
    expect(billText(facts)).toEqual([
      "USAGE 130.00",
      "BALANCE_CONSUMED -30.00",
      "OVERAGE_SURCHARGE 5.00",
      "= 105.00",
    ]);
  });
});

describe("which units are overage (m3ter semantics 15.6)", () => {
  test("usage before the credit began keeps its price; overage bands rate the rest", () => {
    const balances = [
      sampleBalance({
        period: { start: at("2024-06-11"), end: at("2024-12-01") },
        transactions: [credited("2024-06-11", 30)],
      }),
    ];
    const facts = planFacts(priced({ ...tiered([0, 1]), overageBands: bands([0, 2]) }), {
      terms: { balances },
      usage: [usageOn("2024-06-10", 50), usageOn("2024-06-20", 80)],
    });
    // 130 − 50 uncovered in the window: 80 units stay at 1, 50 cost 2.
    expect(billText(facts)).toEqual([
      "USAGE 80.00",
      "OVERAGE_USAGE 100.00",
      "BALANCE_CONSUMED -30.00",
      "= 150.00",
    ]);
  });

  test("a flat fee that the credit pays in part leaves the units to the overage list", () => {
    // First band: flat 10, 1 each. 25 pay the fee and 15 units.
    const commitments = [sampleCommitment({ amount: decimal(25) })];
    const facts = planFacts(priced({ ...tiered([0, 1, 10]), overageBands }), {
      terms: { commitments },
      usage: [usageOn("2024-06-10", 115)],
    });
    // The other 100 units × 0.12.
    expect(billText(facts)).toEqual([
      "USAGE 25.00",
      "OVERAGE_USAGE 12.00",
      "COMMITMENT_CONSUMED -25.00",
      "= 12.00",
    ]);
  });

  test("a volume price separates overage by its share of the amount", () => {
    const commitments = [sampleCommitment({ amount: decimal(20), separateOverageUsage: true })];
    const facts = planFacts(priced(volume([0, "0.15"], [500, "0.10"])), {
      terms: { commitments },
      usage: [usageOn("2024-06-10", 800)],
    });
    // All 800 at 0.10 = 80; 20 are covered.
    expect(billText(facts)).toEqual([
      "USAGE 20.00",
      "OVERAGE_USAGE 60.00",
      "COMMITMENT_CONSUMED -20.00",
      "= 60.00",
    ]);
  });
});
