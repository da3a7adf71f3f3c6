import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimal, sum } from "../exact/decimal.ts";
import { priceUnits, subtotalOf } from "../pricing/bands.ts";
import { contains } from "../time/period.ts";
import type { BillFacts } from "./facts.ts";
import { rateBill, type RatedBill } from "./rate-bill.ts";
import { byCommitmentOrder } from "./rules.ts";
import {
  at,
  bands,
  on,
  sampleAccountPlan,
  sampleCommitment,
  sampleFacts,
  samplePlan,
  samplePricing,
  usageOn,
} from "./sample-facts.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const june = (day: number) => `2024-06-${String(day).padStart(2, "0")}`;

const price = fc.integer({ min: 0, max: 3000 }).map((amount) => `${amount}e-3`);
const bandRows = fc
  .tuple(price, price, price, fc.integer({ min: 1, max: 80 }))
  .map(([first, second, fixed, limit]) => bands([0, first, fixed], [limit, second, 0]));

const creditPeriod = fc
  .tuple(fc.integer({ min: 1, max: 30 }), fc.boolean(), fc.boolean())
  .map(([day, startsInJune, endsInJune]) => ({
    start: at(startsInJune ? june(day) : "2024-01-01"),
    end: at(endsInJune && day < 30 ? june(30) : "2025-01-01"),
  }));

const rated = (given: BillFacts): RatedBill => {
  const bill = rateBill(given);
  if (bill.outcome === "failed") throw new Error(JSON.stringify(bill.failures));
  return bill;
};

const forAll = <T>(arbitrary: fc.Arbitrary<T>, claim: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, claim), { numRuns });

describe("credits that begin and end inside the month", () => {
  const days = Array.from({ length: 30 }, (_, index) => index + 1);
  const perDay = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 30, maxLength: 30 });
  const wallet = fc.record({ period: creditPeriod, amount: fc.integer({ min: 1, max: 300 }) });

  /** The naive way: day after day, each wallet in order pays for the days it is active on. */
  const takenDayByDay = (
    owed: readonly number[],
    wallets: readonly {
      readonly period: { start: Temporal.Instant; end: Temporal.Instant };
      readonly amount: number;
    }[],
  ): readonly number[] => {
    const open = [...owed];
    return wallets.map(({ period, amount }) => {
      let left = amount;
      for (const [index, day] of days.entries()) {
        if (!contains(period, at(june(day)))) continue;
        const taken = Math.min(left, open[index] ?? 0);
        open[index] = (open[index] ?? 0) - taken;
        left -= taken;
      }
      return amount - left;
    });
  };

  test("take what a day-by-day evaluation takes", () => {
    forAll(fc.record({ perDay, wallets: fc.array(wallet, { maxLength: 3 }) }), (given) => {
      const commitments = given.wallets.map(({ period, amount }, index) =>
        sampleCommitment({ id: `c${index}`, period, amount: decimal(amount) }),
      );
      const ordered = commitments.toSorted(byCommitmentOrder);
      const flat = samplePricing({ bands: bands([0, 1]) });
      const bill = rated(
        sampleFacts({
          terms: {
            accountPlans: [sampleAccountPlan({ plans: [samplePlan({ pricings: [flat] })] })],
            commitments,
          },
          usage: days.map((day, index) => usageOn(june(day), given.perDay[index] ?? 0)),
        }),
      );
      const taken = ordered.map(({ id }) =>
        sum(
          bill.lines
            .filter(({ commitmentId }) => commitmentId === id)
            .map(({ subtotal }) => subtotal.neg()),
        ).toNumber(),
      );
      const naive = takenDayByDay(
        given.perDay,
        ordered.map(({ period, amount }) => ({ period, amount: amount.toNumber() })),
      );
      expect(taken).toEqual(naive);
    });
  });
});

describe("tiersSpanPlan", () => {
  test("three monthly bills charge what one ladder over all of their usage charges", () => {
    const months = ["2024-05", "2024-06", "2024-07"];
    const given = fc.record({
      rows: bandRows,
      amounts: fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100)),
    });
    forAll(given, ({ rows, amounts }) => {
      const spanning = samplePricing({ bands: rows, tiersSpanPlan: true });
      const accountPlans = [
        sampleAccountPlan({
          active: { start: at("2024-05-01") },
          plans: [samplePlan({ pricings: [spanning] })],
        }),
      ];
      const events = months.map((month, index) => usageOn(`${month}-10`, amounts[index] ?? 0));
      const exact = ["2024-06-01", "2024-07-01", "2024-08-01"].flatMap((date) =>
        rated(
          sampleFacts({ terms: { accountPlans, billDate: on(date) }, usage: events }),
        ).lines.map((line) => line.exact),
      );
      const total = decimal(amounts[0] + amounts[1] + amounts[2]);
      expect(sum(exact).eq(subtotalOf(priceUnits(spanning, total)))).toBe(true);
    });
  });
});
