import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Decimal, decimal, max, sum, zero } from "../exact/decimal.ts";
import type { BillFacts } from "./facts.ts";
import { type BillLine, rateBill } from "./rate-bill.ts";
import type { Correction } from "./corrections.ts";
import { drawsOfBill, drawsOfCorrection, sumsOfDraws } from "./credit-draws.ts";
import { type CarriedCorrection, drawableOf, type Room } from "./drawable.ts";
import { correctionsBefore, type FixedBill, rerate } from "./rerating.ts";
import {
  credited,
  minimumSpend,
  on,
  sampleAccountPlan,
  sampleBalance,
  sampleCommitment,
  sampleFacts,
  samplePlan,
  samplePricing,
  tiered,
  usageOn,
  volume,
} from "./sample-facts.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const months = ["2024-04", "2024-05", "2024-06"];
const billDates = ["2024-05-01", "2024-06-01", "2024-07-01"];

interface Terms {
  readonly committed: number;
  readonly wallet: number;
  readonly minimum: number;
  readonly percent: number;
  readonly isVolume: boolean;
  readonly isInAdvance: boolean;
}

const drawnOn = (lines: readonly BillLine[], type: string) =>
  lines.filter(({ lineItemType }) => lineItemType === type);

/** The facts of one month's bill, given the lines of the months before. */
const factsOf = (
  terms: Terms,
  month: number,
  given: { readonly before: readonly BillLine[]; readonly usage: readonly number[] },
): BillFacts => {
  const ladder = (terms.isVolume ? volume : tiered)([0, "0.15"], [300, "0.10"]);
  const plan = samplePlan({
    pricings: [samplePricing(ladder)],
    minimumSpend: minimumSpend(terms.minimum, { billInAdvance: terms.isInAdvance }),
  });
  const commitment = sampleCommitment({
    amount: decimal(terms.committed),
    spentBefore: sum(
      drawnOn(given.before, "COMMITMENT_CONSUMED").map((line) => line.subtotal),
    ).neg(),
    overageSurchargePercent: decimal(terms.percent),
  });
  const balance = sampleBalance({
    transactions: [
      credited("2024-01-01", terms.wallet),
      ...drawnOn(given.before, "BALANCE_CONSUMED").map(({ subtotal, servicePeriod }) => ({
        amount: subtotal,
        appliedAt: servicePeriod.end,
        drawnFor: servicePeriod,
      })),
    ],
  });
  return sampleFacts({
    terms: {
      billDate: on(billDates[month] ?? ""),
      accountPlans: [sampleAccountPlan({ plans: [plan] })],
      commitments: [commitment],
      balances: [balance],
    },
    usage: given.usage.map((value, index) => usageOn(`${months[index]}-10`, value)),
    billedInAdvance: Object.fromEntries(
      drawnOn(given.before, "MINIMUM_SPEND").map(({ key, subtotal }) => [key, subtotal]),
    ),
  });
};

const linesOf = (facts: BillFacts): readonly BillLine[] => {
  const bill = rateBill(facts);
  if (bill.outcome === "failed") throw new Error(JSON.stringify(bill.failures));
  return bill.lines;
};

/** Three months billed one after the other. */
const billed = (terms: Terms, usage: readonly number[]) =>
  months.reduce<{ readonly facts: BillFacts; readonly lines: readonly BillLine[] }[]>(
    (bills, _month, index) => {
      const before = bills.flatMap(({ lines }) => lines);
      const facts = factsOf(terms, index, { before, usage });
      return [...bills, { facts, lines: linesOf(facts) }];
    },
    [],
  );

const usage = fc.tuple(fc.nat(900), fc.nat(900), fc.nat(900));
const terms = fc.record({
  committed: fc.integer({ min: 1, max: 200 }),
  wallet: fc.integer({ min: 1, max: 60 }),
  minimum: fc.integer({ min: 1, max: 80 }),
  percent: fc.nat(20),
  isVolume: fc.boolean(),
  isInAdvance: fc.boolean(),
});

const totalOf = (lines: readonly { readonly convertedSubtotal: BillLine["subtotal"] }[]) =>
  sum(lines.map(({ convertedSubtotal }) => convertedSubtotal));

const billId = (month: number): string => `bill${month}`;
const nextDate = (month: number) => on(`2024-${String(month + 8).padStart(2, "0")}-01`);

/** The approved months as a run finds them; windows in which nothing changed may be left out. */
const fixedBills = (
  given: Terms,
  was: ReturnType<typeof billed>,
  now: { readonly usage: readonly number[]; readonly leavesOut: boolean },
): FixedBill[] =>
  was.map(({ facts, lines }, month) => {
    const { quantities } = factsOf(given, month, { before: [], usage: now.usage });
    const measured = Object.entries(quantities).filter(
      ([key, { quantity }]) =>
        !now.leavesOut || quantity?.toString() !== facts.quantities[key]?.quantity?.toString(),
    );
    return {
      billId: billId(month),
      facts,
      billed: lines.map((line) => ({ lineItemId: line.key, line })),
      measured: Object.fromEntries(measured),
      isPaidAnew: false,
      billedInAdvance: facts.billedInAdvance,
    };
  });

const creditsOf = ({ committed, wallet }: Terms): ReadonlyMap<string, Decimal> =>
  new Map([
    [sampleCommitment().id, decimal(committed)],
    [sampleBalance().id, decimal(wallet)],
  ]);

/** What nobody but later bills of others, and the corrections so far, has taken. */
const roomFor = (
  given: Terms,
  was: ReturnType<typeof billed>,
  { carried, others = zero }: { carried: readonly CarriedCorrection[]; others?: Decimal },
): Room => {
  const draws = [
    ...was.map(({ facts, lines }) => ({
      billDate: facts.billDate,
      drawn: drawsOfBill(lines, facts.corrections),
    })),
    ...carried.map(({ billDate, correction }) => ({
      billDate,
      drawn: drawsOfCorrection(correction),
    })),
  ];
  const takenUpTo: Room["takenUpTo"] = (id, date) =>
    sumsOfDraws(
      draws
        .filter(({ billDate }) => Temporal.PlainDate.compare(billDate, date) <= 0)
        .flatMap(({ drawn }) => drawn),
    ).get(id) ?? zero;
  const left = (id: string) =>
    creditsOf(given)
      .get(id)
      ?.minus(takenUpTo(id, on("2999-01-01")))
      .minus(others);
  return { left, takenUpTo, carried };
};

const shown = (corrections: readonly Correction[]): readonly string[] =>
  corrections.map(({ key, subtotal }) => `${key} ${subtotal.toString()}`);

test("three approved months and their corrections are what a full re-rating bills, run after run, under tiers, volume, minimums and credits", () => {
  fc.assert(
    fc.property(
      terms,
      usage,
      fc.array(usage, { minLength: 1, maxLength: 3 }),
      (given, before, laters) => {
        const was = billed(given, before);
        const carried: CarriedCorrection[] = [];
        for (const [run, after] of laters.entries()) {
          const known = carried.map(({ correction }) => correction);
          const correct = (leavesOut: boolean) => {
            const bills = fixedBills(given, was, { usage: after, leavesOut });
            const rerating = rerate(bills, drawableOf(bills, roomFor(given, was, { carried })));
            expect(rerating.failures).toEqual([]);
            return correctionsBefore(rerating, nextDate(run), known);
          };
          const corrections = correct(false);
          expect(shown(correct(true))).toEqual(shown(corrections));
          const carrier = { billId: `carrier${run}`, billDate: nextDate(run) };
          carried.push(...corrections.map((correction) => ({ ...carrier, correction })));
          const is = billed(given, after);
          for (const [month, { lines }] of was.entries()) {
            const own = carried
              .map(({ correction }) => correction)
              .filter((correction) => correction.billId === billId(month));
            const expected = totalOf(is[month]?.lines ?? []);
            expect(totalOf(lines).plus(totalOf(own)).toString()).toBe(expected.toString());
          }
        }
      },
    ),
    { numRuns },
  );
});

test("corrections take no more of a credit than others have left of it", () => {
  fc.assert(
    fc.property(terms, usage, usage, fc.nat(200), (given, before, after, others) => {
      const was = billed(given, before);
      const room = roomFor(given, was, { carried: [], others: decimal(others) });
      const bills = fixedBills(given, was, { usage: after, leavesOut: false });
      const corrections = correctionsBefore(
        rerate(bills, drawableOf(bills, room)),
        nextDate(0),
        [],
      );
      for (const [id, drawn] of sumsOfDraws(corrections.flatMap(drawsOfCorrection))) {
        const limit = max(room.left(id) ?? zero, zero);
        expect(max(drawn, limit).toString(), `${id} has ${limit.toString()}`).toBe(
          limit.toString(),
        );
      }
    }),
    { numRuns },
  );
});
