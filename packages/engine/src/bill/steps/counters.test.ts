import { describe, expect, test } from "vitest";
import type { CounterPricingTerms } from "../facts.ts";
import { rateBill } from "../rate-bill.ts";
import {
  at,
  billText,
  on,
  sampleAccountPlan,
  sampleCounterPricing,
  sampleFacts,
  samplePlan,
  seats,
  tiered,
} from "../sample-facts.ts";

interface Case {
  readonly pricing?: Partial<CounterPricingTerms>;
  readonly billDate?: string;
  readonly start?: string;
  readonly end?: string;
  readonly billed?: Readonly<Record<string, number>>;
  readonly adjustments: readonly (readonly [string, number])[];
}

const factsOf = ({ pricing, billDate, start, end, billed, adjustments }: Case) =>
  sampleFacts({
    billedInAdvance: billed ?? {},
    terms: {
      billDate: on(billDate ?? "2024-07-01"),
      accountPlans: [
        sampleAccountPlan({
          active: {
            start: at(start ?? "2024-06-01"),
            end: end === undefined ? undefined : at(end),
          },
          plans: [
            samplePlan({ pricings: [], counterPricings: [sampleCounterPricing(pricing ?? {})] }),
          ],
        }),
      ],
      counterAdjustments: adjustments.map(([date, value]) => seats(date, value)),
    },
  });

const bill = (given: Case) => billText(factsOf(given));

describe("the documented set-up: 1-20 at $2, above at $3, plan from June 1", () => {
  const adjustments = [
    ["2024-06-01", 15],
    ["2024-06-15", 18],
  ] as const;

  test("running total in advance, nothing prorated: 36 + 30 + 6 = 72", () => {
    // July in advance: P(18) = 36. June 1: P(15) − 0 = 30. June 15: P(18) − P(15) = 6.
    expect(bill({ adjustments, pricing: { runningTotalBillInAdvance: true } })).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 36.00",
      "COUNTER_ADJUSTMENT_DEBIT 30.00",
      "COUNTER_ADJUSTMENT_DEBIT 6.00",
      "= 72.00",
    ]);
  });

  test("prorated debits: 6 × 16/30 = 3.20 for the last 16 days, 30 × 30/30 from the first", () => {
    expect(bill({ adjustments, pricing: { proRateAdjustmentDebit: true } })).toEqual([
      "COUNTER_ADJUSTMENT_DEBIT 30.00",
      "COUNTER_ADJUSTMENT_DEBIT 3.20",
      "= 33.20",
    ]);
  });

  test("in arrears the running total of July stands on the bill of August", () => {
    expect(bill({ adjustments, billDate: "2024-08-01" })).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 36.00",
      "= 36.00",
    ]);
  });
});

test("18 → 22 in July costs P(22) − P(18) = 46 − 36 = 10", () => {
  const given = {
    billDate: "2024-08-01",
    adjustments: [
      ["2024-06-01", 18],
      ["2024-07-10", 22],
    ],
  } as const;
  expect(bill(given)).toEqual([
    "COUNTER_RUNNING_TOTAL_CHARGE 36.00",
    "COUNTER_ADJUSTMENT_DEBIT 10.00",
    "= 46.00",
  ]);
});

test("a decrease is a credit, prorated by its own flag", () => {
  const adjustments = [
    ["2024-05-01", 22],
    ["2024-06-16", 18],
  ] as const;
  const start = "2024-01-01";
  // P(18) − P(22) = −10; from the 16th 15 of 30 days: −5.
  expect(bill({ start, adjustments })).toEqual([
    "COUNTER_RUNNING_TOTAL_CHARGE 46.00",
    "COUNTER_ADJUSTMENT_CREDIT -10.00",
    "= 36.00",
  ]);
  expect(bill({ start, adjustments, pricing: { proRateAdjustmentCredit: true } })).toEqual([
    "COUNTER_RUNNING_TOTAL_CHARGE 46.00",
    "COUNTER_ADJUSTMENT_CREDIT -5.00",
    "= 41.00",
  ]);
});

test("a plan that starts on June 16 pays 15/30 of what it carries in", () => {
  const adjustments = [["2024-06-01", 18]] as const;
  // P(18) × 15/30 = 18.
  expect(
    bill({ start: "2024-06-16", adjustments, pricing: { proRateRunningTotal: true } }),
  ).toEqual(["COUNTER_RUNNING_TOTAL_CHARGE 18.00", "= 18.00"]);
});

describe("a running total that was billed in advance, when the plan ends in its period", () => {
  const pricing = { runningTotalBillInAdvance: true, proRateRunningTotal: true };
  const key = "COUNTER_RUNNING_TOTAL_CHARGE/accountPlan/plan/counterPricing/5";
  const june = { start: "2024-01-01", end: "2024-06-11", pricing, billed: { [key]: 36 } };
  const adjustments = [["2024-05-01", 18]] as const;

  test("is given back for the days that were not used: 36 × 10/30 − 36 = −24", () => {
    expect(bill({ ...june, adjustments })).toEqual([
      "COUNTER_ADJUSTMENT_CREDIT -24.00",
      "= -24.00",
    ]);
  });

  test("beside what changed until then, which is prorated to the end by its own flag", () => {
    // From June 6 to 11 2 more seats at $2 for 5 of 30 days: 4 × 5/30 = 0.67.
    const changed = [...adjustments, ["2024-06-06", 20]] as const;
    const debits = { ...pricing, proRateAdjustmentDebit: true };
    expect(bill({ ...june, pricing: debits, adjustments: changed })).toEqual([
      "COUNTER_ADJUSTMENT_DEBIT 0.67",
      "COUNTER_ADJUSTMENT_CREDIT -24.00",
      "= -23.33",
    ]);
  });

  test("is kept where running totals are not prorated", () => {
    const whole = { ...pricing, proRateRunningTotal: false };
    expect(bill({ ...june, pricing: whole, adjustments })).toEqual(["= 0.00"]);
  });

  test("is not given back when the end was known, when nothing was billed, or when the plan goes on", () => {
    expect(bill({ ...june, billed: { [key]: 12 }, adjustments })).toEqual(["= 0.00"]);
    expect(bill({ ...june, billed: {}, adjustments })).toEqual(["= 0.00"]);
    expect(bill({ ...june, end: "2024-07-01", adjustments })).toEqual(["= 0.00"]);
    // July's running total, in advance.
    expect(bill({ ...june, end: "2024-08-01", adjustments })).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 36.00",
      "= 36.00",
    ]);
  });
});

describe("a price that begins on June 16, its running total in advance", () => {
  const pricing = {
    active: { start: at("2024-06-16") },
    runningTotalBillInAdvance: true,
    proRateRunningTotal: true,
  };
  const key = "COUNTER_RUNNING_TOTAL_CHARGE/accountPlan/plan/counterPricing/5";
  const july = "COUNTER_RUNNING_TOTAL_CHARGE";
  const given = { start: "2024-01-01", pricing };

  test("finds what changed before it began: P(20) × 15/30 = 20, less the 18 billed for 18 seats", () => {
    const more = [
      ["2024-05-01", 18],
      ["2024-06-10", 20],
    ] as const;
    expect(bill({ ...given, billed: { [key]: 18 }, adjustments: more })).toEqual([
      `${july} 40.00`,
      "COUNTER_ADJUSTMENT_DEBIT 2.00",
      "= 42.00",
    ]);
    // Nothing was there on June 1, or the price was not known yet.
    expect(bill({ ...given, adjustments: more })).toEqual([
      `${july} 40.00`,
      "COUNTER_ADJUSTMENT_DEBIT 20.00",
      "= 60.00",
    ]);
  });

  test("gives back what went before it began: P(8) × 15/30 = 8, less 18; all of it when nothing is left", () => {
    const fewer = (left: number) => [["2024-05-01", 18] as const, ["2024-06-10", left] as const];
    expect(bill({ ...given, billed: { [key]: 18 }, adjustments: fewer(8) })).toEqual([
      `${july} 16.00`,
      "COUNTER_ADJUSTMENT_CREDIT -10.00",
      "= 6.00",
    ]);
    expect(bill({ ...given, billed: { [key]: 18 }, adjustments: fewer(0) })).toEqual([
      "COUNTER_ADJUSTMENT_CREDIT -18.00",
      "= -18.00",
    ]);
  });
});

test("a price that ends after it was billed in advance gives back the rest: P(18) × 10/30 − 36 = −24", () => {
  const key = "COUNTER_RUNNING_TOTAL_CHARGE/accountPlan/plan/counterPricing/5";
  const pricing = {
    active: { start: at("2022-01-01"), end: at("2024-06-11") },
    runningTotalBillInAdvance: true,
    proRateRunningTotal: true,
  };
  const adjustments = [["2024-05-01", 18]] as const;
  expect(bill({ start: "2024-01-01", pricing, billed: { [key]: 36 }, adjustments })).toEqual([
    "COUNTER_ADJUSTMENT_CREDIT -24.00",
    "= -24.00",
  ]);
});

test("a first-day adjustment costs the same with and without proration", () => {
  const adjustments = [["2024-06-01", 15]] as const;
  expect(bill({ adjustments })).toEqual(
    bill({ adjustments, pricing: { proRateAdjustmentDebit: true } }),
  );
});

test("lines name the counter and the quantity that moved; a counter at 0 costs nothing", () => {
  const facts = factsOf({
    start: "2024-01-01",
    adjustments: [
      ["2024-03-01", 0],
      ["2024-06-15", 4],
      ["2024-06-20", 4],
      ["2024-06-25", 1],
    ],
    pricing: { bands: sampleCounterPricing({}).bands },
  });
  const rated = rateBill(facts);
  const lines = rated.outcome === "rated" ? rated.lines : [];
  expect(
    lines.map((line) => `${line.description}: ${line.quantity.toString()} ${line.unit}`),
  ).toEqual([
    "Counter Adjustment Debit - Seats: 4 seat",
    "Counter Adjustment Credit - Seats: 3 seat",
  ]);
});

test("a flat fee falls due when a counter leaves 0, and comes back when it returns there", () => {
  // Up to 10 seats for a flat 25.
  const pricing = tiered([0, 0, 25]);
  const adjustments = [
    ["2024-06-05", 4],
    ["2024-06-20", 0],
  ] as const;
  expect(bill({ pricing, adjustments })).toEqual([
    "COUNTER_ADJUSTMENT_DEBIT 25.00",
    "COUNTER_ADJUSTMENT_CREDIT -25.00",
    "= 0.00",
  ]);
});

test("a counter price that starts on June 16 charges from then; another account's seats are not ours", () => {
  const facts = factsOf({
    start: "2024-01-01",
    pricing: { active: { start: at("2024-06-16") }, proRateRunningTotal: true },
    adjustments: [["2024-05-01", 18]],
  });
  const others = { ...seats("2024-05-02", 99), accountId: "other" };
  // P(18) × 15/30 = 18.
  expect(billText({ ...facts, counterAdjustments: [...facts.counterAdjustments, others] })).toEqual(
    ["COUNTER_RUNNING_TOTAL_CHARGE 18.00", "= 18.00"],
  );
});

describe("a parent's plan prices the counters of its pool as one ([R], m3ter semantics 13, 14.2)", () => {
  const child = { id: "child", code: "child" };
  const pooled = (
    periods: readonly { start: Temporal.Instant; end?: Temporal.Instant }[],
    given: { mode?: "CHILD" | "PARENT_SUMMARY"; start?: string; child: Case["adjustments"] },
  ) => {
    const facts = factsOf({
      start: given.start ?? "2024-01-01",
      pricing: { proRateRunningTotal: false },
      adjustments: [["2024-05-01", 15]],
    });
    return billText({
      ...facts,
      accountPlans: facts.accountPlans.map((accountPlan) => ({
        ...accountPlan,
        childBillingMode: given.mode ?? "PARENT_SUMMARY",
        pool: [{ account: child, productId: "product", periods }],
      })),
      counterAdjustments: [
        ...facts.counterAdjustments,
        ...given.child.map(([date, value]) => ({ ...seats(date, value), accountId: "child" })),
      ],
    });
  };
  const always = [{ start: at("2024-01-01") }];

  test("15 and 10 seats are 25: 20 × 2 + 5 × 3 = 55, not 30 + 20", () => {
    expect(pooled(always, { child: [["2024-05-10", 10]] })).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 55.00",
      "= 55.00",
    ]);
  });

  test("a child's change is priced from where all stand: P(25) − P(15) = 55 − 30 = 25", () => {
    expect(pooled(always, { child: [["2024-06-16", 10]] })).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 30.00",
      "COUNTER_ADJUSTMENT_DEBIT 25.00",
      "= 55.00",
    ]);
  });

  test("a child that gets a plan of its own takes its seats along: −25", () => {
    const until = [{ start: at("2024-01-01"), end: at("2024-06-16") }];
    expect(pooled(until, { child: [["2024-05-10", 10]] })).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 55.00",
      "COUNTER_ADJUSTMENT_CREDIT -25.00",
      "= 30.00",
    ]);
  });

  test("a child that comes in later brings what it has: P(25) − P(15)", () => {
    const since = [{ start: at("2024-06-16") }];
    expect(pooled(since, { child: [["2024-05-10", 10]] })).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 30.00",
      "COUNTER_ADJUSTMENT_DEBIT 25.00",
      "= 55.00",
    ]);
  });

  test("what a child had before the plan began is carried into it, as the parent's own is", () => {
    const since = [{ start: at("2024-06-01") }];
    expect(pooled(since, { start: "2024-06-01", child: [["2024-05-10", 10]] })).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 55.00",
      "= 55.00",
    ]);
  });

  test("children that are billed themselves stay apart", () => {
    expect(pooled(always, { mode: "CHILD", child: [["2024-05-10", 10]] })).toEqual([
      "COUNTER_RUNNING_TOTAL_CHARGE 30.00",
      "= 30.00",
    ]);
  });
});
