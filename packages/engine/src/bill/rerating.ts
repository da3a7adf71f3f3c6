/**
 * What approved and locked bills would be today: their own terms, with the usage, its payment and what earlier bills charged in
 * advance as they are now. What differs is put right on a later bill. What a bill draws depends on what those before it took, so the bills of an account are
 * rated again in the order of their dates.
 */

import { drawableAmount } from "../balances/balance.ts";
import { type Decimal, max, zero } from "../exact/decimal.ts";
import { startOfDay } from "../time/cadence.ts";
import { type BilledLine, type Correction, correctionsOf } from "./corrections.ts";
import { drawsOfBill, drawsOfCorrection, ownDraws, sumsOfDraws } from "./credit-draws.ts";
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

/** A correction, and the bill that it stands on. */
export interface CarriedCorrection {
  readonly billId: string;
  readonly billDate: Temporal.PlainDate;
  readonly correction: Correction;
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

/** By credit, what earlier bills take beyond what a bill's facts know of. */
type Shift = ReadonlyMap<string, Decimal>;

/** The facts with more (or less) already taken by earlier bills. */
const shifted = (facts: BillFacts, shift: Shift): BillFacts => {
  const shiftOf = (id: string): Decimal => shift.get(id) ?? zero;
  const appliedAt = startOfDay(facts.billDate, facts.organization.zone);
  return {
    ...facts,
    commitments: facts.commitments.map((commitment) => ({
      ...commitment,
      spentBefore: commitment.spentBefore.plus(shiftOf(commitment.id)),
    })),
    balances: facts.balances.map((balance) => ({
      ...balance,
      transactions: shiftOf(balance.id).isZero()
        ? balance.transactions
        : [...balance.transactions, { amount: shiftOf(balance.id).neg(), appliedAt }],
    })),
  };
};

const isUpTo = (date: Temporal.PlainDate, limit: Temporal.PlainDate): boolean =>
  Temporal.PlainDate.compare(date, limit) <= 0;

const shiftFor = (
  { facts }: FixedBill,
  earlier: readonly ReratedBill[],
  carried: readonly CarriedCorrection[],
): Shift => {
  const taken = earlier.flatMap(({ bill, lines }) => drawsOfBill(lines, bill.facts.corrections));
  const rerated = new Set(earlier.map(({ bill }) => bill.billId));
  // A bill's facts know of what earlier bills took, and of the corrections that it or an earlier one carries.
  const known = [
    ...earlier.flatMap(({ bill }) =>
      drawsOfBill(
        bill.billed.map(({ line }) => line),
        bill.facts.corrections,
      ),
    ),
    ...carried
      .filter(({ correction }) => rerated.has(correction.billId))
      .filter(({ billDate }) => isUpTo(billDate, facts.billDate))
      .flatMap(({ correction }) => drawsOfCorrection(correction)),
  ];
  return sumsOfDraws([...taken, ...known.map((draw) => ({ ...draw, amount: draw.amount.neg() }))]);
};

/** What is in credits, beside the bills that are rated again. */
export interface Room {
  /** What nobody has taken; undefined of a credit that may be overdrawn. */
  readonly left: (creditId: string) => Decimal | undefined;
  /** Corrections of the bills, where what they take is taken. */
  readonly carried: readonly Correction[];
}

/** By credit, what the bills may draw together: what they and their corrections have drawn, and what is left. */
export const poolOf = (
  bills: readonly FixedBill[],
  { left, carried }: Room,
): ReadonlyMap<string, Decimal> => {
  const ids = new Set(bills.map(({ billId }) => billId));
  const taken = sumsOfDraws([
    ...bills.flatMap(({ facts, billed }) =>
      ownDraws(
        billed.map(({ line }) => line),
        facts.corrections,
      ),
    ),
    ...carried.filter(({ billId }) => ids.has(billId)).flatMap(drawsOfCorrection),
  ]);
  const credits = bills.flatMap(({ facts }) => [...facts.commitments, ...facts.balances]);
  const pool = new Map<string, Decimal>();
  for (const { id } of credits) {
    const remaining = left(id);
    if (remaining !== undefined) {
      pool.set(id, max(remaining, zero).plus(taken.get(id) ?? zero));
    }
  }
  return pool;
};

/** So that the bill finds no more in a credit than the pool has: another bill may have taken it since. */
const limited = (facts: BillFacts, shift: Shift, pool: ReadonlyMap<string, Decimal>): Shift => {
  const asOf = startOfDay(facts.billDate, facts.organization.zone);
  const corrected = sumsOfDraws(facts.corrections.flatMap(drawsOfCorrection));
  const funds = [
    ...facts.commitments.map(({ id, amount, spentBefore }) => ({
      id,
      amount: amount.minus(spentBefore),
    })),
    ...facts.balances.map((balance) => ({
      id: balance.id,
      amount: drawableAmount(balance, asOf),
    })),
  ];
  const limits = funds.flatMap(({ id, amount }) => {
    const limit = pool.get(id);
    if (limit === undefined) return [];
    const missing = amount.minus(corrected.get(id) ?? zero).minus(max(limit, zero));
    return [[id, max(shift.get(id) ?? zero, missing)] as const];
  });
  return new Map([...shift, ...limits]);
};

/** The lines as they would be today, or why there are none. */
const rerateBill = (
  bill: FixedBill,
  shift: Shift,
  pool: ReadonlyMap<string, Decimal>,
): ReratedBill | readonly BillFailure[] => {
  const { facts, measured, billed, isPaidAnew, billedInAdvance } = bill;
  const isUnchanged =
    !isPaidAnew &&
    isSameAdvance(facts.billedInAdvance, billedInAdvance) &&
    [...shift.values()].every((amount) => amount.isZero()) &&
    Object.entries(measured).every(([key, now]) => isSameQuantity(facts.quantities[key], now));
  if (isUnchanged) return { bill, facts, lines: billed.map(({ line }) => line) };
  const quantities = { ...facts.quantities, ...measured };
  const today = shifted({ ...facts, quantities, billedInAdvance }, limited(facts, shift, pool));
  const rated = rateBill(today);
  return rated.outcome === "rated" ? { bill, facts: today, lines: rated.lines } : rated.failures;
};

const isRerated = (outcome: ReratedBill | readonly BillFailure[]): outcome is ReratedBill =>
  "bill" in outcome;

/**
 * Rates the fixed bills of one account again, given in any order, each with what the others left.
 *
 * @param carried corrections of these bills that bills carry already
 * @param drawable what they may draw: `poolOf` them
 */
export const rerate = (
  bills: readonly FixedBill[],
  carried: readonly CarriedCorrection[],
  drawable: ReadonlyMap<string, Decimal>,
): Rerating => {
  const inDateOrder = bills.toSorted((a, b) =>
    Temporal.PlainDate.compare(a.facts.billDate, b.facts.billDate),
  );
  const rerated: ReratedBill[] = [];
  const failures: BillFailure[] = [];
  const pool = new Map(drawable);
  for (const bill of inDateOrder) {
    const outcome = rerateBill(bill, shiftFor(bill, rerated, carried), pool);
    if (isRerated(outcome)) rerated.push(outcome);
    else failures.push(...outcome);
    const lines = isRerated(outcome) ? outcome.lines : bill.billed.map(({ line }) => line);
    for (const { creditId, amount } of ownDraws(lines, bill.facts.corrections)) {
      const limit = pool.get(creditId);
      if (limit !== undefined) pool.set(creditId, limit.minus(amount));
    }
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
