/**
 * What approved and locked bills would be today: their own terms, with the usage, its payment and what earlier bills charged in
 * advance as they are now. What differs is put right on a later bill. What a bill draws depends on what those before it took, so the bills of an account are
 * rated again in the order of their dates.
 */

import { type Decimal, zero } from "../exact/decimal.ts";
import { startOfDay } from "../time/cadence.ts";
import { type BilledLine, type Correction, correctionsOf } from "./corrections.ts";
import { type CreditDraw, ownDraws, sumsOfDraws } from "./credit-draws.ts";
import { type Drawable, type Shift, shiftOf } from "./drawable.ts";
import type { BillFacts, UsageQuantity } from "./facts.ts";
import type { Line } from "./line.ts";
import type { BillFailure } from "./printing.ts";
import { rateBill } from "./rate-bill.ts";

/** A bill that is no longer calculated again, with what it was calculated from. */
export interface FixedBill {
  readonly billId: string;
  readonly facts: BillFacts;
  readonly billed: readonly BilledLine[];
  /** What is measured now, by the key of the window; where nothing is said it is as it was. */
  readonly measured: BillFacts["quantities"];
  /** Wallets have paid another sum for its usage by now; the facts say which. */
  readonly isPaidAnew: boolean;
  /** What earlier bills charge for what it settles, as they are now: one of them may have been made after it. */
  readonly billedInAdvance: BillFacts["billedInAdvance"];
}

interface ReratedBill {
  readonly bill: FixedBill;
  /** What the lines are rated from today. */
  readonly facts: BillFacts;
  readonly lines: readonly Line[];
}

export interface Rerating {
  readonly rerated: readonly ReratedBill[];
  /** Why some bills cannot be rated again: nothing of them is put right. */
  readonly failures: readonly BillFailure[];
}

const isSameQuantity = (a: UsageQuantity | undefined, b: UsageQuantity | undefined): boolean => {
  const before = a?.quantity ?? null;
  const after = b?.quantity ?? null;
  if (a?.error !== b?.error) return false;
  return before === null || after === null ? before === after : before.eq(after);
};

const isSameAdvance = (a: BillFacts["billedInAdvance"], b: BillFacts["billedInAdvance"]): boolean =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) =>
    (a[key] ?? zero).eq(b[key] ?? zero),
  );

/** The facts with more (or less) already taken by others. */
const shifted = (facts: BillFacts, shift: Shift): BillFacts => {
  const more = (id: string): Decimal => shift.get(id) ?? zero;
  const appliedAt = startOfDay(facts.billDate, facts.organization.zone);
  return {
    ...facts,
    commitments: facts.commitments.map((commitment) => ({
      ...commitment,
      spentBefore: commitment.spentBefore.plus(more(commitment.id)),
    })),
    balances: facts.balances.map((balance) => ({
      ...balance,
      transactions: more(balance.id).isZero()
        ? balance.transactions
        : [...balance.transactions, { amount: more(balance.id).neg(), appliedAt }],
    })),
  };
};

/** The lines as they would be today, or why there are none. */
const rerateBill = (bill: FixedBill, shift: Shift): ReratedBill | readonly BillFailure[] => {
  const { facts, measured, billed, isPaidAnew, billedInAdvance } = bill;
  const isUnchanged =
    !isPaidAnew &&
    isSameAdvance(facts.billedInAdvance, billedInAdvance) &&
    [...shift.values()].every((amount) => amount.isZero()) &&
    Object.entries(measured).every(([key, now]) => isSameQuantity(facts.quantities[key], now));
  if (isUnchanged) return { bill, facts, lines: billed.map(({ line }) => line) };
  const quantities = { ...facts.quantities, ...measured };
  const today = shifted({ ...facts, quantities, billedInAdvance }, shift);
  const rated = rateBill(today);
  return rated.outcome === "rated" ? { bill, facts: today, lines: rated.lines } : rated.failures;
};

const isRerated = (outcome: ReratedBill | readonly BillFailure[]): outcome is ReratedBill =>
  "bill" in outcome;

/**
 * Rates the fixed bills of one account again, given in any order, each with what the others left.
 *
 * @param drawable what they may draw: `drawableOf` them
 */
export const rerate = (bills: readonly FixedBill[], drawable: Drawable): Rerating => {
  const inDateOrder = bills.toSorted((a, b) =>
    Temporal.PlainDate.compare(a.facts.billDate, b.facts.billDate),
  );
  const rerated: ReratedBill[] = [];
  const failures: BillFailure[] = [];
  const draws: CreditDraw[] = [];
  for (const bill of inDateOrder) {
    const outcome = rerateBill(bill, shiftOf(bill, drawable, sumsOfDraws(draws)));
    if (isRerated(outcome)) rerated.push(outcome);
    else failures.push(...outcome);
    const lines = isRerated(outcome) ? outcome.lines : bill.billed.map(({ line }) => line);
    draws.push(...ownDraws(lines, bill.facts.corrections));
  }
  return { rerated, failures };
};

/** What a bill of that date has to put right, beyond the corrections that other bills carry. */
export const correctionsBefore = (
  { rerated }: Rerating,
  billDate: Temporal.PlainDate,
  carried: readonly Correction[],
): readonly Correction[] =>
  rerated
    .filter(({ bill }) => Temporal.PlainDate.compare(bill.facts.billDate, billDate) < 0)
    .flatMap(({ bill: { billId, facts, billed }, lines }) =>
      correctionsOf({
        billId,
        billingCurrency: facts.currency,
        billed,
        corrected: carried.filter((correction) => correction.billId === billId),
        rerated: lines,
      }),
    );
