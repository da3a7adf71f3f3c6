import { describe, expect, test } from "vitest";
import { feesByCadence } from "../commitments/fees.ts";
import { type Decimal, decimal, sum } from "../exact/decimal.ts";
import { advanceLineKeys } from "./advance-lines.ts";
import type { BillTerms, PlanTerms } from "./facts.ts";
import { rateBill, type RatedBill } from "./rate-bill.ts";
import {
  at,
  minimumSpend,
  on,
  sampleAccountPlan,
  sampleCommitment,
  sampleFacts,
  samplePlan,
  samplePricing,
  sampleTerms,
  standingCharge,
  tiered,
  usageOn,
} from "./sample-facts.ts";

interface Story {
  readonly plan: Partial<PlanTerms>;
  readonly ends?: string;
  readonly terms?: (history: readonly RatedBill[], billDate: string) => Partial<BillTerms>;
  readonly usage: Readonly<Record<string, number>>;
}

/** Bills one after the other, each with what the earlier ones left, as the bill job does it. */
const bills = (story: Story, dates: readonly string[]): readonly RatedBill[] => {
  const history: RatedBill[] = [];
  for (const date of dates) {
    const accountPlan = sampleAccountPlan({
      active: {
        start: at("2024-01-01"),
        end: story.ends === undefined ? undefined : at(story.ends),
      },
      plans: [samplePlan(story.plan)],
    });
    const terms = {
      billDate: on(date),
      accountPlans: [accountPlan],
      ...story.terms?.(history, date),
    };
    const wanted = new Set(advanceLineKeys(sampleTerms(terms)));
    const earlier = history.flatMap(({ lines }) => lines).filter(({ key }) => wanted.has(key));
    const bill = rateBill(
      sampleFacts({
        terms,
        usage: Object.entries(story.usage).map(([day, value]) => usageOn(day, value)),
        billedInAdvance: Object.fromEntries(earlier.map(({ key, subtotal }) => [key, subtotal])),
      }),
    );
    if (bill.outcome === "failed") throw new Error(JSON.stringify(bill.failures));
    history.push(bill);
  }
  return history;
};

const shown = (history: readonly RatedBill[]): readonly string[] =>
  history.map(({ lines, billTotal }) =>
    [
      ...lines.map(({ lineItemType, subtotal }) => `${lineItemType} ${subtotal.toFixed(2)}`),
      `= ${billTotal.toFixed(2)}`,
    ].join(", "),
  );

const perUnit = [samplePricing(tiered([0, 1]))];

describe("a minimum of 1000 in advance", () => {
  test("each month nets to the greater of minimum and usage", () => {
    const story: Story = {
      plan: { pricings: perUnit, minimumSpend: minimumSpend(1000, { billInAdvance: true }) },
      ends: "2024-03-01",
      usage: { "2024-01-10": 800, "2024-02-10": 1500 },
    };
    // January: 1000 + 800 − 800. February: 1000 + 1500 − 1000.
    expect(shown(bills(story, ["2024-01-01", "2024-02-01", "2024-03-01"]))).toEqual([
      "MINIMUM_SPEND 1000.00, = 1000.00",
      "USAGE 800.00, MINIMUM_SPEND 1000.00, MINIMUM_SPEND_REFUND -800.00, = 1000.00",
      "USAGE 1500.00, MINIMUM_SPEND_REFUND -1000.00, = 500.00",
    ]);
  });
});

describe("a standing charge of 310 in advance", () => {
  const charged = (ends: string, dates: readonly string[]) =>
    bills(
      {
        plan: { pricings: [], standingCharge: standingCharge(310, { billInAdvance: true }) },
        ends,
        usage: {},
      },
      dates,
    );

  test("an end that is known beforehand is charged to the day, and nothing comes back", () => {
    expect(shown(charged("2024-01-16", ["2024-01-01", "2024-02-01"]))).toEqual([
      "STANDING_CHARGE 150.00, = 150.00",
      "= 0.00",
    ]);
  });

  test("an end that comes later gives back the days that are left", () => {
    const [january] = charged("2024-12-01", ["2024-01-01"]);
    const key = january?.lines[0]?.key ?? "";
    const ended = sampleFacts({
      terms: {
        billDate: on("2024-02-01"),
        accountPlans: [
          sampleAccountPlan({
            active: { start: at("2024-01-01"), end: at("2024-01-16") },
            plans: [
              samplePlan({
                pricings: [],
                standingCharge: standingCharge(310, { billInAdvance: true }),
              }),
            ],
          }),
        ],
      },
      billedInAdvance: { [key]: 310 },
    });
    const bill = rateBill(ended);
    // 15 of 31 days were used: 150; 310 − 150 come back.
    expect(bill.outcome === "rated" && bill.billTotal.toFixed(2)).toBe("-160.00");
  });
});

describe("a commitment of 3,000 over a quarter, fees monthly, 10 % beyond it", () => {
  const term = { start: at("2024-01-01"), end: at("2024-04-01") };
  const commitment = sampleCommitment({
    amount: decimal(3000),
    period: term,
    overageSurchargePercent: decimal(10),
  });
  const fees = feesByCadence({
    amount: commitment.amount,
    interval: 1,
    offset: 0,
    billInAdvance: false,
    scale: 2,
    term,
    schedule: {
      cadence: { anchor: on("2022-01-01"), frequency: "MONTHLY", interval: 1 },
      zone: "UTC",
      active: term,
    },
  });
  const spentOn = (history: readonly RatedBill[]): Decimal =>
    sum(
      history
        .flatMap(({ lines }) => lines)
        .filter(({ lineItemType }) => lineItemType === "COMMITMENT_CONSUMED")
        .map(({ subtotal }) => subtotal.neg()),
    );
  const story: Story = {
    plan: { pricings: perUnit },
    terms: (history, billDate) => ({
      commitments: [
        {
          ...commitment,
          spentBefore: spentOn(history),
          feesDue: fees.filter((fee) => fee.billDate.toString() === billDate),
        },
      ],
    }),
    usage: { "2024-01-10": 1200, "2024-02-10": 1500, "2024-03-10": 800, "2024-04-10": 100 },
  };
  const history = bills(story, ["2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"]);

  test("covered, covered, exhausted, over", () => {
    // March: 300 are left of 800; 10 % of the other 500. April lies outside the term.
    expect(shown(history)).toEqual([
      "USAGE 1200.00, COMMITMENT_CONSUMED -1200.00, COMMITMENT_FEE 1000.00, = 1000.00",
      "USAGE 1500.00, COMMITMENT_CONSUMED -1500.00, COMMITMENT_FEE 1000.00, = 1000.00",
      "USAGE 800.00, COMMITMENT_CONSUMED -300.00, OVERAGE_SURCHARGE 50.00, COMMITMENT_FEE 1000.00, = 1550.00",
      "USAGE 100.00, = 100.00",
    ]);
  });

  test("spent is the amount, to the cent", () => {
    expect(spentOn(history).toString()).toBe("3000");
  });
});
