/**
 * What bills that are rated again may draw from their credits today: each what was in them by its own terms, less what the bills
 * before it draw by now. So what one of these gives back is there for it, though it had found the credit exhausted.
 */

import { drawableAmount } from "../balances/balance.ts";
import { type Decimal, max, min, sum, zero } from "../exact/decimal.ts";
import { startOfDay } from "../time/cadence.ts";
import type { Correction } from "./corrections.ts";
import { drawsOfCorrection, ownDraws, sumsOfDraws } from "./credit-draws.ts";
import type { BillFacts } from "./facts.ts";
import type { FixedBill } from "./rerating.ts";

/** A correction, and the bill that it stands on. */
export interface CarriedCorrection {
  readonly billId: string;
  readonly billDate: Temporal.PlainDate;
  readonly correction: Correction;
}

/** What is in credits, and what of it is taken. */
export interface Room {
  /** What nobody has taken; undefined of a credit that may be overdrawn. */
  readonly left: (creditId: string) => Decimal | undefined;
  /** By all bills up to that date, those that are rated again among them. */
  readonly takenUpTo: (creditId: string, billDate: Temporal.PlainDate) => Decimal;
  /** Corrections of the bills, where what they take is taken. */
  readonly carried: readonly CarriedCorrection[];
}

/** By credit. */
type Amounts = ReadonlyMap<string, Decimal>;

/** Beside what the bills that are rated again draw. */
export interface Drawable {
  /** For all of them together: what they and their corrections have drawn, and what is left. */
  readonly pool: Amounts;
  /** By bill, what others have drawn on days before its own, and up to the end of that. */
  readonly takenByOthers: ReadonlyMap<string, { readonly before: Amounts; readonly upTo: Amounts }>;
}

/** By credit, what others take of it today beyond what a bill's facts know of. */
export type Shift = Amounts;

/** By its facts: what was put in, and what others had drawn of that. What wallets paid for a bill, no other one draws. */
const creditsOf = ({ billDate, organization, commitments, balances }: BillFacts) => {
  const asOf = startOfDay(billDate, organization.zone);
  return [
    ...commitments.map(({ id, amount, spentBefore: drawn }) => ({ id, amount, drawn })),
    ...balances
      .filter(({ isWallet }) => isWallet !== true)
      .map((balance) => {
        const draws = balance.transactions.filter(({ drawnFor }) => drawnFor !== undefined);
        const drawn = sum(draws.map(({ amount }) => amount)).neg();
        return { id: balance.id, amount: drawableAmount(balance, asOf).plus(drawn), drawn };
      }),
  ];
};

const isUpTo = (date: Temporal.PlainDate, limit: Temporal.PlainDate): boolean =>
  Temporal.PlainDate.compare(date, limit) <= 0;

export const drawableOf = (
  bills: readonly FixedBill[],
  { left, takenUpTo, carried }: Room,
): Drawable => {
  const ids = new Set(bills.map(({ billId }) => billId));
  const drawn = [
    ...bills.map(({ facts: { billDate, corrections }, billed }) => {
      const lines = billed.map(({ line }) => line);
      return { billDate, draws: ownDraws(lines, corrections) };
    }),
    ...carried
      .filter(({ correction }) => ids.has(correction.billId))
      .map(({ billDate, correction }) => ({ billDate, draws: drawsOfCorrection(correction) })),
  ];
  const credits = new Set(bills.flatMap(({ facts }) => creditsOf(facts).map(({ id }) => id)));
  const all = sumsOfDraws(drawn.flatMap(({ draws }) => draws));
  const byOthers = (date: Temporal.PlainDate): Amounts => {
    const own = sumsOfDraws(
      drawn.filter(({ billDate }) => isUpTo(billDate, date)).flatMap(({ draws }) => draws),
    );
    return new Map([...credits].map((id) => [id, takenUpTo(id, date).minus(own.get(id) ?? zero)]));
  };
  return {
    pool: new Map(
      [...credits].flatMap((id) => {
        const remaining = left(id);
        if (remaining === undefined) return [];
        return [[id, max(remaining, zero).plus(all.get(id) ?? zero)] as const];
      }),
    ),
    takenByOthers: new Map(
      bills.map(({ billId, facts: { billDate } }) => [
        billId,
        { before: byOthers(billDate.subtract({ days: 1 })), upTo: byOthers(billDate) },
      ]),
    ),
  };
};

/**
 * So that the bill finds what those before it leave, and no more than the pool has: a later bill may have taken it since. Which
 * bills of its own day came before it, only its facts know: where what they found may still be so, it is.
 *
 * @param taken by the bills that were rated again before it
 */
export const shiftOf = (
  { billId, facts }: FixedBill,
  { pool, takenByOthers }: Drawable,
  taken: Amounts,
): Shift => {
  const corrected = sumsOfDraws(facts.corrections.flatMap(drawsOfCorrection));
  const others = takenByOthers.get(billId);
  return new Map(
    creditsOf(facts).map(({ id, amount, drawn }) => {
      const takenNow = taken.get(id) ?? zero;
      const leftBy = (amounts: Amounts | undefined): Decimal =>
        amount.minus(amounts?.get(id) ?? zero).minus(takenNow);
      const was = amount.minus(drawn).minus(corrected.get(id) ?? zero);
      const found = max(leftBy(others?.upTo), min(was, leftBy(others?.before)));
      const limit = pool.get(id)?.minus(takenNow);
      return [id, was.minus(limit === undefined ? found : min(found, max(limit, zero)))] as const;
    }),
  );
};
