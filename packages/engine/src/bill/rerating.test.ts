import { expect, test } from "vitest";
import { decimal, zero } from "../exact/decimal.ts";
import type { BillFacts } from "./facts.ts";
import { rateBill } from "./rate-bill.ts";
import { sumsOfDraws, drawsOfBill } from "./credit-draws.ts";
import { drawableOf, type Room } from "./drawable.ts";
import { correctionsBefore, type FixedBill, rerate } from "./rerating.ts";
import {
  minimumSpend,
  on,
  planFacts,
  sampleCommitment,
  sampleFacts,
  usageOn,
} from "./sample-facts.ts";
import { minimumSpendAdvanceKeys } from "./steps/minimum-spends.ts";

const billedLines = (facts: BillFacts) => {
  const bill = rateBill(facts);
  const lines = bill.outcome === "rated" ? bill.lines : [];
  return lines.map((line) => ({ lineItemId: line.key, line }));
};

/** 100 GB in a month cost 15.00, of which the commitment of 20 pays what is left of it. */
const month = (billDate: string, usageDate: string, spentBefore: number): BillFacts =>
  sampleFacts({
    terms: {
      billDate: on(billDate),
      commitments: [sampleCommitment({ amount: decimal(20), spentBefore: decimal(spentBefore) })],
    },
    usage: [usageOn(usageDate, 100)],
  });

const june = month("2024-07-01", "2024-06-10", 0);
const july = month("2024-08-01", "2024-07-10", 15);

const fixed = (billId: string, facts: BillFacts, now?: number): FixedBill => ({
  billId,
  facts,
  billed: billedLines(facts),
  isPaidAnew: false,
  billedInAdvance: facts.billedInAdvance,
  measured:
    now === undefined
      ? {}
      : Object.fromEntries(
          Object.keys(facts.quantities).map((key) => [key, { quantity: decimal(now) }]),
        ),
});

/** Of the same credit: nobody else takes anything, unless it is said. */
const roomOf = (
  bills: readonly FixedBill[],
  { left, others = 0 }: { readonly left?: number | undefined; readonly others?: number } = {},
): Room => ({
  left: () => (left === undefined ? undefined : decimal(left)),
  takenUpTo: (id, date) => {
    const draws = bills
      .filter(({ facts }) => Temporal.PlainDate.compare(facts.billDate, date) <= 0)
      .flatMap(({ billed, facts }) =>
        drawsOfBill(
          billed.map(({ line }) => line),
          facts.corrections,
        ),
      );
    return (sumsOfDraws(draws).get(id) ?? zero).plus(decimal(others));
  },
  carried: [],
});

const rerated = (bills: readonly FixedBill[], given: Parameters<typeof roomOf>[1] = {}) =>
  rerate(bills, drawableOf(bills, roomOf(bills, given)));

const shown = (
  bills: readonly FixedBill[],
  billDate = "2024-09-01",
  given: Parameters<typeof roomOf>[1] = {},
) =>
  correctionsBefore(rerated(bills, given), on(billDate), []).map(
    ({ billId, line, subtotal }) => `${billId} ${line.lineItemType} ${subtotal.toFixed(2)}`,
  );

test("what an earlier bill draws more is not there for a later one", () => {
  // June had 120 GB, 18.00: the commitment pays 3.00 more of it, and so 2.00 of July instead of 5.00.
  expect(shown([fixed("july", july), fixed("june", june, 120)])).toEqual([
    "june COMMITMENT_CONSUMED -3.00",
    "june USAGE 3.00",
    "july COMMITMENT_CONSUMED 3.00",
  ]);
});

test("what another bill has taken since is not there for a correction", () => {
  // June's 18.00: of the 20, 15 are June's own and 4 another bill's. 1.00 is left of the 3.00 more.
  expect(shown([fixed("june", june, 120)], "2024-09-01", { left: 1 })).toEqual([
    "june COMMITMENT_CONSUMED -1.00",
    "june USAGE 3.00",
  ]);
  // Where more was taken than there is, what June has stays June's.
  expect(shown([fixed("june", june, 120)], "2024-09-01", { left: -7 })).toEqual([
    "june USAGE 3.00",
  ]);
});

test("what an earlier bill that is open has given back is there for one that found nothing of it", () => {
  // July found 5.00 of the 20, as June had taken 15.00. June takes 8.00 by now: 7.00 more of July's 15.00 are covered.
  expect(shown([fixed("july", july)], "2024-09-01", { left: 7, others: 8 })).toEqual([
    "july COMMITMENT_CONSUMED -7.00",
  ]);
  // If a later bill has taken 4.00 of what came back, those stay its own.
  expect(shown([fixed("july", july)], "2024-09-01", { left: 3, others: 8 })).toEqual([
    "july COMMITMENT_CONSUMED -3.00",
  ]);
});

test("what was charged in advance after a bill had settled it comes back", () => {
  // June: 15.00 used of the minimum of 100, 85.00 to top it up. Then 60.00 of it were charged in advance: 25.00 are due.
  const facts = planFacts(
    { minimumSpend: minimumSpend(100, { billInAdvance: true }) },
    { terms: { billDate: on("2024-07-01") }, usage: [usageOn("2024-06-10", 100)] },
  );
  const [key] = minimumSpendAdvanceKeys(facts);
  const billedInAdvance = { [key ?? ""]: decimal(60) };
  expect(shown([fixed("june", facts)])).toEqual([]);
  expect(shown([{ ...fixed("june", facts), billedInAdvance }])).toEqual([
    "june MINIMUM_SPEND -60.00",
  ]);
});

test("bills in which nothing changed are not rated again", () => {
  const unratable = { ...june, currency: "EUR" };
  const rerating = rerated([
    { ...fixed("june", june), facts: unratable },
    fixed("july", july, 100),
  ]);
  expect(rerating.failures).toEqual([]);
  expect(shown([fixed("june", june, 100), fixed("july", july)])).toEqual([]);
});

test("a bill puts only earlier ones right", () => {
  expect(shown([fixed("june", june, 120)], "2024-07-01")).toEqual([]);
});

test("of a bill that cannot be rated any more nothing is put right, and it is said why", () => {
  const facts = { ...june, currency: "EUR" };
  const rerating = rerated([{ ...fixed("june", june, 120), facts }]);
  expect(rerating.failures).toMatchObject([{ failure: "MISSING_CONVERSION_RATE" }]);
  expect(rerating.rerated).toEqual([]);
});
