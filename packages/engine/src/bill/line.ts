import type { Decimal } from "../exact/decimal.ts";
import type { Period } from "../time/period.ts";
import type { Derivation } from "./derivation.ts";
import type { AccountRef, ProductRef } from "./facts.ts";

/** Every type that a bill can carry (m3ter semantics 18.4), in the order in which a bill prints them. */
export const lineItemTypes = [
  "USAGE",
  "OVERAGE_USAGE",
  "COUNTER_RUNNING_TOTAL_CHARGE",
  "COUNTER_ADJUSTMENT_DEBIT",
  "COUNTER_ADJUSTMENT_CREDIT",
  "STANDING_CHARGE",
  "MINIMUM_SPEND",
  "MINIMUM_SPEND_REFUND",
  "USAGE_CREDIT",
  "AD_HOC",
  "COMMITMENT_CONSUMED",
  "BALANCE_CONSUMED",
  "OVERAGE_SURCHARGE",
  "COMMITMENT_FEE",
  "BALANCE_FEE",
  "CREDIT_MEMO",
  "DEBIT_MEMO",
  "CREDIT_DEDUCTION",
  "MANUAL_ADJUSTMENT",
] as const;
export type LineItemType = (typeof lineItemTypes)[number];

/** What a bill may charge before a later one settles it. */
export const advanceLineTypes: readonly LineItemType[] = [
  "STANDING_CHARGE",
  "MINIMUM_SPEND",
  "COUNTER_RUNNING_TOTAL_CHARGE",
];

/** One band's share of a line, as m3ter semantics 10.3 prints it. */
export interface LineBandUsage {
  readonly pricingBandId?: string | undefined;
  readonly lowerLimit: Decimal;
  readonly fixedPrice: Decimal;
  readonly unitPrice: Decimal;
  readonly bandUnits: Decimal;
  readonly bandQuantity: Decimal;
  readonly unitSubtotal: Decimal;
  readonly bandSubtotal: Decimal;
  /** `bandSubtotal` in the billing currency, exact; set when the line is printed. */
  readonly convertedBandSubtotal: Decimal;
}

export interface PrintedMoney {
  readonly subtotal: Decimal;
  readonly conversionRate: Decimal;
  readonly convertedSubtotal: Decimal;
}

/** What a consumption line took, from which line, and what the credit held around it. */
export interface DrawDown {
  readonly lineKey: string;
  readonly before: Decimal;
  readonly after: Decimal;
}

/** One of the lines that are printed as one. */
export interface SummarizedLine {
  readonly key: string;
  readonly subtotal: Decimal;
}

/** What a step says about a line; money is still exact and in the pricing currency. */
export interface LineDraft {
  /** Names the line across recalculations: same terms and period, same key. */
  readonly key: string;
  readonly lineItemType: LineItemType;
  readonly description: string;
  readonly servicePeriod: Period;
  readonly quantity: Decimal;
  readonly units: Decimal;
  readonly unit: string;
  readonly exact: Decimal;
  readonly currency: string;
  readonly bandUsage: readonly LineBandUsage[];
  /** How `exact` came about; `amountOf` computes it again. */
  readonly derivation: Derivation;
  /** Set where the printed amounts follow from other printed amounts instead of from `exact`. */
  readonly printed?: PrintedMoney | undefined;
  /** The key of the usage window behind the line. */
  readonly usageKey?: string | undefined;
  /** Whose part of the window's usage the line is, where several accounts are rated together. */
  readonly usageAccountId?: string | undefined;
  readonly drawDown?: DrawDown | undefined;
  /** What it is the sum of, where later bills may settle a part of that: of what is charged in advance. */
  readonly summarized?: readonly SummarizedLine[] | undefined;

  readonly product?: ProductRef | undefined;
  readonly accountingProduct?: ProductRef | undefined;
  readonly childAccount?: AccountRef | undefined;
  readonly accountPlanId?: string | undefined;
  readonly planId?: string | undefined;
  readonly planGroupId?: string | undefined;
  readonly pricingId?: string | undefined;
  readonly aggregationId?: string | undefined;
  readonly compoundAggregationId?: string | undefined;
  readonly meterId?: string | undefined;
  readonly segment?: Readonly<Record<string, string>> | undefined;
  readonly counterId?: string | undefined;
  readonly counterPricingId?: string | undefined;
  readonly chargeId?: string | undefined;
  readonly commitmentId?: string | undefined;
  readonly balanceId?: string | undefined;
  readonly contractId?: string | undefined;
  readonly referencedBillId?: string | undefined;
  readonly referencedLineItemId?: string | undefined;
  /** For a correction: the key of the line it corrects. */
  readonly correctedLineKey?: string | undefined;
  readonly reasonId?: string | undefined;
}

/**
 * A printed line. It is rounded once, when a step adds it; whatever later steps compare, cap or draw
 * down is what is printed, so that a line which is paid in full leaves no stray cent.
 */
export interface Line extends LineDraft, PrintedMoney {
  /** `exact`, rounded by the pricing currency's policy. */
  readonly subtotal: Decimal;
  readonly conversionRate: Decimal;
  /** `exact` × conversionRate, rounded by the billing currency's policy. */
  readonly convertedSubtotal: Decimal;
  /** Subtotal per unit; 0 when there are no units. */
  readonly averageUnitPrice: Decimal;
}
