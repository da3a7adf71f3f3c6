import type { Decimal } from "../exact/decimal.ts";
import type { ProductRef } from "../pricing/product.ts";
import type { Period } from "../time/period.ts";

/** Line types that a commitment may pay for; without a choice it pays for all (m3ter semantics 15.3). */
export const commitmentLineItemTypes = [
  "STANDING_CHARGE",
  "USAGE",
  "MINIMUM_SPEND",
  "COUNTER_RUNNING_TOTAL_CHARGE",
  "COUNTER_ADJUSTMENT_DEBIT",
] as const;

export interface FeeDue {
  readonly amount: Decimal;
  readonly servicePeriod: Period;
}

/** A fixed spend agreed for a term, drawn down by charges: m3ter's Commitment or Prepayment. */
export interface CommitmentTerms {
  readonly id: string;
  readonly accountId: string;
  readonly currency: string;
  /** Drawable from the first day, paid or not. */
  readonly amount: Decimal;
  /** What other bills already took; this bill's own draw-downs are not in it. */
  readonly spentBefore: Decimal;
  /** From the start date's midnight to the end date's, which is exclusive. */
  readonly period: Period;
  readonly createdAt: Temporal.Instant;
  /** Empty: all. */
  readonly productIds: readonly string[];
  /** Empty: all of `commitmentLineItemTypes`. */
  readonly lineItemTypes: readonly string[];
  readonly contractId?: string | undefined;
  /**
   * In a hierarchy (m3ter semantics 14.2): one draw-down line for all accounts, one for each line that it pays, or
   * as that, and it pays for lines on its children's own bills too. Absent: one for each.
   */
  readonly childBillingMode?: "PARENT_SUMMARY" | "PARENT_BREAKDOWN" | "CHILD" | undefined;
  /** Percent on usage beyond the commitment; below zero a discount. */
  readonly overageSurchargePercent?: Decimal | undefined;
  readonly separateOverageUsage: boolean;
  /** The fees that this bill charges for it: see `feesByCadence`, or its fee dates. */
  readonly feesDue: readonly FeeDue[];
  readonly usageDescription?: string | undefined;
  readonly feeDescription?: string | undefined;
  readonly overageDescription?: string | undefined;
  readonly accountingProduct?: ProductRef | undefined;
  readonly feesAccountingProduct?: ProductRef | undefined;
  readonly drawdownsAccountingProduct?: ProductRef | undefined;
}
