import { type Decimal, max, min, sum, zero } from "../exact/decimal.ts";
import type { ProductRef } from "../pricing/product.ts";
import { compareInstants, isBefore, type Period } from "../time/period.ts";

/** Line types that a balance may pay for: a commitment's and ad-hoc charges (m3ter semantics 16.1). */
export const balanceLineItemTypes = [
  "STANDING_CHARGE",
  "USAGE",
  "MINIMUM_SPEND",
  "COUNTER_RUNNING_TOTAL_CHARGE",
  "COUNTER_ADJUSTMENT_DEBIT",
  "AD_HOC",
] as const;

export interface BalanceTransaction {
  /** Above zero a credit, below zero a debit. */
  readonly amount: Decimal;
  readonly appliedAt: Temporal.Instant;
  /** For the draw-down of a bill: the service period it paid for. */
  readonly drawnFor?: Period | undefined;
}

/** What a balance holds and until when. */
export interface BalanceLedger {
  readonly period: Period;
  /** After the end this much stays drawable until `rolloverEnd`; absent: everything left. */
  readonly rolloverAmount?: Decimal | undefined;
  readonly rolloverEnd?: Temporal.Instant | undefined;
  /** Everything but this bill's own draw-downs. */
  readonly transactions: readonly BalanceTransaction[];
}

/** What an account plan charges: usage at some of its prices, or its minimum spends. */
export type PlanCharges = { readonly accountPlanId: string } & (
  | { readonly lineItemType: "USAGE"; readonly pricingIds: readonly string[] }
  | { readonly lineItemType: "MINIMUM_SPEND" }
);

/** A wallet with a ledger, drawn down by charges: m3ter's Balance, Top-up or prepaid draw-down. */
export interface BalanceTerms extends BalanceLedger {
  readonly id: string;
  readonly accountId: string;
  readonly currency: string;
  readonly createdAt: Temporal.Instant;
  /** Empty: all. */
  readonly productIds: readonly string[];
  /** Empty: all of `balanceLineItemTypes`. */
  readonly lineItemTypes: readonly string[];
  readonly contractId?: string | undefined;
  readonly overageSurchargePercent?: Decimal | undefined;
  /** Its currency is the unit of an aggregation: an allowance of units, not money ([R], 16.4). */
  readonly isGrant: boolean;
  /** Paid from a wallet, call by call: no credit pays for the same usage before it. */
  readonly isWallet?: boolean | undefined;
  /** What was paid for, of a wallet: nothing else draws on it, nor any in another currency. Absent: all. */
  readonly paidFor?: readonly PlanCharges[] | undefined;
  /** The balance may go below zero: allowed by the balance and by the organization. */
  readonly allowOverdraft: boolean;
  readonly drawDownDescription?: string | undefined;
  readonly overageDescription?: string | undefined;
  readonly consumptionsAccountingProduct?: ProductRef | undefined;
  readonly feesAccountingProduct?: ProductRef | undefined;
}

/** When the last of the balance can be drawn. */
export const effectiveEnd = ({ period, rolloverEnd }: BalanceLedger): Temporal.Instant =>
  rolloverEnd !== undefined && isBefore(period.end, rolloverEnd) ? rolloverEnd : period.end;

const amountOf = (transactions: readonly BalanceTransaction[]): Decimal =>
  sum(transactions.map(({ amount }) => amount));

/** What stands in the balance at that instant; a transaction dated later does not count yet ([R], 16.2). */
export const balanceAmount = (balance: BalanceLedger, at: Temporal.Instant): Decimal =>
  amountOf(balance.transactions.filter(({ appliedAt }) => !isBefore(at, appliedAt)));

/**
 * What a bill may draw as of that instant: the credits and debits that apply by then, less what bills
 * took, whenever they did: money that another bill took is gone for an earlier one too (15.4).
 */
export const drawableAmount = (balance: BalanceTerms, asOf: Temporal.Instant): Decimal =>
  amountOf(
    balance.transactions.filter(
      ({ appliedAt, drawnFor }) => drawnFor !== undefined || !isBefore(asOf, appliedAt),
    ),
  );

const isRolloverDraw =
  ({ period }: BalanceLedger) =>
  ({ drawnFor }: BalanceTransaction): boolean =>
    drawnFor !== undefined && !isBefore(drawnFor.start, period.end);

/** What charges after the end already took. */
export const rolloverConsumed = (balance: BalanceLedger): Decimal =>
  amountOf(balance.transactions.filter(isRolloverDraw(balance))).neg();

export interface BalanceSummary {
  readonly totalCreditAmount: Decimal;
  readonly totalDebitAmount: Decimal;
  /** The first credit. */
  readonly initialCreditAmount: Decimal;
  readonly expiredBalanceAmount: Decimal;
  readonly rolloverConsumed: Decimal;
  /** What bills took before the end. */
  readonly balanceConsumed: Decimal;
}

/** What has expired by then: beyond the rollover at the end, everything at the rollover's end. */
const expiredAmount = (balance: BalanceLedger, at: Temporal.Instant): Decimal => {
  const { period, rolloverEnd, rolloverAmount } = balance;
  const left = max(balanceAmount(balance, at), zero);
  if (isBefore(at, period.end)) return zero;
  if (rolloverEnd === undefined || !isBefore(at, rolloverEnd)) return left;
  if (rolloverAmount === undefined) return zero;
  const atEnd = left.plus(rolloverConsumed(balance));
  return atEnd.minus(min(atEnd, rolloverAmount));
};

/** The balance's transactions in six figures (m3ter semantics 16.2). */
export const balanceSummary = (balance: BalanceLedger, at: Temporal.Instant): BalanceSummary => {
  const applied = balance.transactions
    .filter(({ appliedAt }) => !isBefore(at, appliedAt))
    .toSorted((a, b) => compareInstants(a.appliedAt, b.appliedAt));
  const credits = applied.filter(({ amount }) => amount.isPositive());
  const debits = applied.filter(({ amount }) => amount.isNegative());
  const isRollover = isRolloverDraw(balance);
  const draws = debits.filter(({ drawnFor }) => drawnFor !== undefined);
  return {
    totalCreditAmount: amountOf(credits),
    totalDebitAmount: amountOf(debits).neg(),
    initialCreditAmount: credits[0]?.amount ?? zero,
    expiredBalanceAmount: expiredAmount(balance, at),
    rolloverConsumed: amountOf(draws.filter(isRollover)).neg(),
    balanceConsumed: amountOf(draws.filter((draw) => !isRollover(draw))).neg(),
  };
};
