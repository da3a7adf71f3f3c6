import { describe, expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { creditsInOrder } from "./credit.ts";
import type { BillFacts, BillTerms } from "./facts.ts";
import { type BillLine, rateBill } from "./rate-bill.ts";
import {
  at,
  billText,
  credited,
  minimumSpend,
  on,
  planFacts,
  sampleAccountPlan,
  sampleAggregation,
  sampleBalance,
  sampleCommitment,
  sampleCounterPricing,
  sampleFacts,
  samplePlan,
  samplePricing,
  sampleTerms,
  seats,
  tiered,
  usageOn,
} from "./sample-facts.ts";

const until = (end: string, start = "2024-01-01") => ({ start: at(start), end: at(end) });
const flat = { pricings: [samplePricing(tiered([0, 1]))] };

const lines = (facts: BillFacts): readonly BillLine[] => {
  const bill = rateBill(facts);
  return bill.outcome === "rated" ? bill.lines : [];
};

describe("the order of credits ([R], m3ter semantics 15.5, 16.3)", () => {
  const order = (terms: Partial<BillTerms>) =>
    creditsInOrder(sampleTerms(terms))
      .map(({ id, isRollover }) => (isRollover ? `${id} rollover` : id))
      .join(", ");

  test("commitments: earliest end, then earliest start, then oldest", () => {
    const commitments = [
      sampleCommitment({ id: "1", period: until("2025-01-01") }),
      sampleCommitment({ id: "2", period: until("2024-12-01") }),
      sampleCommitment({ id: "3", period: until("2024-12-01", "2023-06-01") }),
      sampleCommitment({ id: "4", period: until("2024-12-01"), createdAt: at("2023-01-01") }),
    ];
    expect(order({ commitments })).toBe("3, 4, 2, 1");
  });

  test("balances: earliest effective end, then oldest; each before its own rollover", () => {
    const balances = [
      sampleBalance({ id: "1", period: until("2024-08-01"), rolloverEnd: at("2025-06-01") }),
      sampleBalance({ id: "2" }),
      sampleBalance({ id: "3", createdAt: at("2023-01-01") }),
    ];
    expect(order({ balances })).toBe("3, 2, 1, 1 rollover");
  });
});

describe("what a credit holds", () => {
  test("a rollover gives what earlier bills left of it", () => {
    const balance = sampleBalance({
      period: until("2024-06-01"),
      rolloverEnd: at("2024-09-01"),
      rolloverAmount: decimal(80),
      transactions: [
        credited("2024-01-01", 1000),
        {
          amount: decimal(-50),
          appliedAt: at("2024-07-01"),
          drawnFor: { start: at("2024-06-01"), end: at("2024-07-01") },
        },
      ],
    });
    const facts = planFacts(flat, {
      terms: { billDate: on("2024-08-01"), balances: [balance] },
      usage: [usageOn("2024-07-10", 200)],
    });
    // 80 − 50 of June.
    expect(billText(facts)).toEqual(["USAGE 200.00", "BALANCE_CONSUMED -30.00", "= 170.00"]);
  });

  test("a fraction of a cent can never be drawn, and does not hold off the overage", () => {
    const commitments = [
      sampleCommitment({ amount: decimal("10.005"), overageSurchargePercent: decimal(10) }),
    ];
    const facts = planFacts(flat, {
      terms: { commitments },
      usage: [usageOn("2024-06-10", 30)],
    });
    expect(billText(facts)).toEqual([
      "USAGE 30.00",
      "COMMITMENT_CONSUMED -10.00",
      "OVERAGE_SURCHARGE 2.00",
      "= 22.00",
    ]);
  });

  test("a grant gives fractions of units", () => {
    const grant = sampleBalance({
      currency: "GB",
      isGrant: true,
      transactions: [credited("2024-01-01", "0.125")],
    });
    const facts = planFacts(
      { pricings: [samplePricing(tiered([0, 8]))] },
      { terms: { balances: [grant] }, usage: [usageOn("2024-06-10", 1)] },
    );
    // 0.875 × 8
    expect(billText(facts).at(-1)).toBe("= 7.00");
  });
});

describe("a credit that covers part of the period (m3ter semantics 16.3)", () => {
  const balances = [
    sampleBalance({ period: until("2024-06-11"), transactions: [credited("2024-01-01", 1000)] }),
  ];

  test("a maximum is covered by days, since its parts do not add up ([R])", () => {
    const aggregation = { ...sampleAggregation, method: "MAX" } as const;
    const facts = planFacts(
      { pricings: [samplePricing({ ...tiered([0, 1]), aggregation })] },
      { terms: { balances }, usage: [usageOn("2024-06-20", 300)] },
    );
    // 10 of 30 days.
    expect(billText(facts)).toEqual(["USAGE 300.00", "BALANCE_CONSUMED -100.00", "= 200.00"]);
  });

  test("a correction below zero in one part never makes the other owe more than the line", () => {
    const facts = planFacts(flat, {
      terms: { balances },
      usage: [usageOn("2024-06-05", 100), usageOn("2024-06-20", -20)],
    });
    expect(billText(facts)).toEqual(["USAGE 80.00", "BALANCE_CONSUMED -80.00", "= 0.00"]);
  });
});

describe("refunds lower what is owed before a commitment is touched ([R], 10.5)", () => {
  const commitments = [sampleCommitment()];

  test("a minimum that was paid in advance", () => {
    const facts = planFacts(
      { ...flat, minimumSpend: minimumSpend(1000) },
      {
        terms: { commitments },
        usage: [usageOn("2024-06-10", 800)],
        billedInAdvance: { "MINIMUM_SPEND/accountPlan/plan/5": 1000 },
      },
    );
    // The 800 were paid with the 1000: nothing is left for the commitment to pay.
    expect(billText(facts)).toEqual(["USAGE 800.00", "MINIMUM_SPEND_REFUND -800.00", "= 0.00"]);
  });

  test("over several lines, no more than it is", () => {
    const facts = planFacts(
      {
        pricings: ["1", "2"].map((id) =>
          samplePricing({ ...tiered([0, 1]), id, aggregation: { ...sampleAggregation, id } }),
        ),
        minimumSpend: minimumSpend(1000),
      },
      {
        terms: { commitments },
        usage: [
          usageOn("2024-06-10", 500, { aggregationId: "1" }),
          usageOn("2024-06-10", 600, { aggregationId: "2" }),
        ],
        billedInAdvance: { "MINIMUM_SPEND/accountPlan/plan/5": 1000 },
      },
    );
    // 1,100 less the 1,000 that were paid in advance.
    expect(billText(facts).slice(-2)).toEqual(["COMMITMENT_CONSUMED -100.00", "= 0.00"]);
  });

  test("a group's refund lowers what any of its products owes", () => {
    const accountPlans = [
      sampleAccountPlan({
        plans: [samplePlan(flat)],
        planGroup: {
          id: "group",
          name: "Enterprise",
          currency: "USD",
          minimumSpend: minimumSpend(1000),
        },
      }),
    ];
    const facts = sampleFacts({
      terms: { commitments, accountPlans },
      usage: [usageOn("2024-06-10", 800)],
      billedInAdvance: { "MINIMUM_SPEND/accountPlan/group/5": 1000 },
    });
    expect(billText(facts)).toEqual(["USAGE 800.00", "MINIMUM_SPEND_REFUND -800.00", "= 0.00"]);
  });

  test("seats that were given back", () => {
    const facts = planFacts(
      { pricings: [], counterPricings: [sampleCounterPricing()] },
      {
        terms: {
          commitments,
          counterAdjustments: [seats("2024-05-01", 18), seats("2024-06-10", 8)],
        },
      },
    );
    // P(18) = 36, −20 for ten seats: the commitment pays the other 16.
    expect(billText(facts)).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 36.00",
      "COUNTER_ADJUSTMENT_CREDIT -20.00",
      "COMMITMENT_CONSUMED -16.00",
      "= 0.00",
    ]);
  });
});

test("consumption is booked on the draw-downs' product, else the commitment's", () => {
  const product = (id: string) => ({ id, name: id, code: id });
  const booked = (changes: Parameters<typeof sampleCommitment>[0]) =>
    lines(
      planFacts(flat, {
        terms: { commitments: [sampleCommitment(changes)] },
        usage: [usageOn("2024-06-10", 1)],
      }),
    )[1]?.accountingProduct?.id;
  expect(booked({ accountingProduct: product("a") })).toBe("a");
  expect(
    booked({ accountingProduct: product("a"), drawdownsAccountingProduct: product("d") }),
  ).toBe("d");
});
