/**
 * Approved bills rated again, in the order of their dates: what a bill draws depends on what the bills
 * before it took, and what it settles on what they charged in advance.
 */

import type { BalanceTransaction } from "../balances/balance.ts";
import type { CommitmentTerms } from "../commitments/commitment.ts";
import { type Decimal, sum, zero } from "../exact/decimal.ts";
import { type BilledLine, type Correction, correctionsOf } from "./corrections.ts";
import type { BillFacts } from "./facts.ts";
import type { BillFailure } from "./printing.ts";
import { rateBill } from "./rate-bill.ts";

/** A bill as it was approved, and its facts with what is measured now. */
export interface ApprovedBill {
  readonly billId: string;
  readonly facts: BillFacts;
  readonly billed: readonly BilledLine[];
  /** Corrections of it that other bills already carry. */
  readonly corrected: readonly Correction[];
}

export type Rerating =
  | { readonly outcome: "rerated"; readonly corrections: readonly Correction[] }
  | {
      readonly outcome: "failed";
      readonly billId: string;
      readonly failures: readonly BillFailure[];
    };

const correctedSpend = (
  commitment: CommitmentTerms,
  corrections: readonly Correction[],
): CommitmentTerms => {
  const draws = corrections.filter(
    ({ line }) =>
      line.lineItemType === "COMMITMENT_CONSUMED" && line.commitmentId === commitment.id,
  );
  const more = sum(draws.map(({ subtotal }) => subtotal)).neg();
  return { ...commitment, spentBefore: commitment.spentBefore.plus(more) };
};

const correctedDraws = (
  balanceId: string,
  corrections: readonly Correction[],
): readonly BalanceTransaction[] =>
  corrections
    .filter(({ line }) => line.lineItemType === "BALANCE_CONSUMED" && line.balanceId === balanceId)
    .map(({ line, subtotal }) => ({
      amount: subtotal,
      appliedAt: line.servicePeriod.end,
      drawnFor: line.servicePeriod,
    }));

const correctedAdvances = (
  billed: BillFacts["billedInAdvance"],
  corrections: readonly Correction[],
): BillFacts["billedInAdvance"] => {
  const advances: Record<string, Decimal> = { ...billed };
  for (const { lineKey, line, subtotal } of corrections) {
    const isAdvance =
      line.lineItemType === "MINIMUM_SPEND" || line.lineItemType === "STANDING_CHARGE";
    if (isAdvance) advances[lineKey] = (advances[lineKey] ?? zero).plus(subtotal);
  }
  return advances;
};

/** The facts as they would be, had the bills before been right. */
const factsAfter = (facts: BillFacts, corrections: readonly Correction[]): BillFacts => ({
  ...facts,
  commitments: facts.commitments.map((each) => correctedSpend(each, corrections)),
  balances: facts.balances.map((balance) => ({
    ...balance,
    transactions: [...balance.transactions, ...correctedDraws(balance.id, corrections)],
  })),
  billedInAdvance: correctedAdvances(facts.billedInAdvance, corrections),
});

/**
 * The corrections of all bills, given in the order of their dates: with them the bills add up to what a
 * full re-rating of the whole time gives. A bill that cannot be rated stops the run: nothing is
 * corrected by halves.
 */
export const rerate = (bills: readonly ApprovedBill[]): Rerating => {
  const corrections: Correction[] = [];
  for (const { billId, facts, billed, corrected } of bills) {
    const rated = rateBill(factsAfter(facts, corrections));
    if (rated.outcome === "failed") return { ...rated, billId };
    corrections.push(
      ...correctionsOf({
        billId,
        billingCurrency: facts.currency,
        billed,
        corrected,
        rerated: rated.lines,
      }),
    );
  }
  return { outcome: "rerated", corrections };
};
