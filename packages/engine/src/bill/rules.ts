/**
 * The decisions where the public description of m3ter is silent ("[R]" in the semantics notes), by
 * the name under which the steps ask for them. Change one here and every bill follows.
 */

import { type BalanceTerms, effectiveEnd } from "../balances/balance.ts";
import type { CommitmentTerms } from "../commitments/commitment.ts";
import { type Decimal, zero } from "../exact/decimal.ts";
import { bandIndexAt, type Ladder, priceUnits, subtotalOf } from "../pricing/bands.ts";
import { compareInstants } from "../time/period.ts";
import type {
  AccountPlanTerms,
  AccountTerms,
  CreditKind,
  OrganizationTerms,
  PricingTerms,
} from "./facts.ts";
import { byText } from "./fact-order.ts";
import type { Line, LineItemType } from "./line.ts";

/** What a minimum charged in advance gives back once usage is known (12). */
export type MinimumSpendRefundMode = "NET_TO_MAX" | "DOCUMENTED_DIFFERENCE";
export const minimumSpendRefundMode: MinimumSpendRefundMode = "NET_TO_MAX";

/** A plan that ends inside a period that was charged in advance gets the unused part back (11, 13). */
export const refundsUnusedAdvance = true;

/** A plan that ends before an interval in arrears is complete pays for the part that it was active (11). */
export const chargesUnfinishedInterval = true;

/** Whether a recurring amount falls due with service period n (11, 15.7). */
export const isApplied = (
  { interval, offset }: { readonly interval: number; readonly offset: number },
  number: number,
): boolean => number >= offset && (number - offset) % interval === 0;

/** The first service period from n on with which a recurring amount falls due. */
export const applicationFrom = (
  { interval, offset }: { readonly interval: number; readonly offset: number },
  number: number,
): number =>
  number <= offset ? offset : offset + Math.ceil((number - offset) / interval) * interval;

/** The price of a counter's value; a counter at 0 costs nothing, not even a flat fee (13.3). */
export const counterPrice = (ladder: Ladder, value: Decimal): Decimal =>
  value.isZero() ? zero : subtotalOf(priceUnits(ladder, value));

/**
 * The charge for the units between two positions of a plan's whole usage (10.4). Graduated: the
 * difference of the totals. By volume: the new units at the price they reach, and the band's flat fee
 * when it is newly entered; what is already billed is never rated again. `before` is null in the
 * first period.
 */
export const spanPrice = (ladder: Ladder, before: Decimal | null, through: Decimal): Decimal => {
  if (ladder.cumulative) {
    const billed = before === null ? zero : subtotalOf(priceUnits(ladder, before));
    return subtotalOf(priceUnits(ladder, through)).minus(billed);
  }
  const index = bandIndexAt(ladder.bands, through);
  const band = ladder.bands[index];
  if (band === undefined) return zero;
  const charge = through.minus(before ?? zero).times(band.unitPrice);
  const isEntered = before === null || bandIndexAt(ladder.bands, before) !== index;
  return isEntered ? charge.plus(band.fixedPrice) : charge;
};

/** Whether what is measured in the parts of a window adds up to what is measured in the whole (16.3). */
export const isAdditive = ({ aggregation: { method } }: PricingTerms): boolean =>
  method === "SUM" || method === "COUNT";

/** Commitments first, unless the account or its organization says otherwise; always in a hierarchy (15.5). */
export const creditOrder = (
  account: AccountTerms,
  organization: OrganizationTerms,
): readonly CreditKind[] => {
  const isInHierarchy = account.hasChildren || account.parentAccountId !== undefined;
  const fallback: readonly CreditKind[] = ["PREPAYMENT", "BALANCE"];
  if (isInHierarchy) return fallback;
  return account.creditApplicationOrder ?? organization.creditApplicationOrder ?? fallback;
};

/** The one that ends first, then the one that started first, then the oldest (15.5). */
export const byCommitmentOrder = (a: CommitmentTerms, b: CommitmentTerms): number =>
  compareInstants(a.period.end, b.period.end) ||
  compareInstants(a.period.start, b.period.start) ||
  compareInstants(a.createdAt, b.createdAt) ||
  byText(a.id, b.id);

/** The one whose last money expires first, then the oldest (16.3). */
export const byBalanceOrder = (a: BalanceTerms, b: BalanceTerms): number =>
  compareInstants(effectiveEnd(a), effectiveEnd(b)) ||
  compareInstants(a.createdAt, b.createdAt) ||
  byText(a.id, b.id);

/** Usage first: what a credit covers of it pays no overage (15.5). */
export const drawableLineTypes: readonly LineItemType[] = [
  "USAGE",
  "MINIMUM_SPEND",
  "STANDING_CHARGE",
  "COUNTER_RUNNING_TOTAL_CHARGE",
  "COUNTER_ADJUSTMENT_DEBIT",
  "AD_HOC",
];

const drawRank = new Map(drawableLineTypes.map((type, rank) => [type, rank]));

export const byDrawnType = (a: Line, b: Line): number =>
  (drawRank.get(a.lineItemType) ?? drawRank.size) - (drawRank.get(b.lineItemType) ?? drawRank.size);

/** By type, then service period, then key. */
export const byDrawOrder = (a: Line, b: Line): number =>
  byDrawnType(a, b) ||
  compareInstants(a.servicePeriod.start, b.servicePeriod.start) ||
  byText(a.key, b.key);

/**
 * Whether a negative line lowers what the bill's other lines still owe, before prepaid money is
 * touched (10.5): credits and refunds do; a negative ad-hoc charge is a payment of its own.
 */
export const offsetsCharges = (line: Line): boolean =>
  line.convertedSubtotal.isNegative() &&
  (line.lineItemType === "USAGE_CREDIT" ||
    line.lineItemType === "COUNTER_ADJUSTMENT_CREDIT" ||
    line.lineItemType === "MINIMUM_SPEND_REFUND" ||
    line.lineItemType === "STANDING_CHARGE" ||
    line.lineItemType === "USAGE");

/** The lines that count toward a minimum spend (12). */
export const countsTowardMinimum = (type: LineItemType): boolean => type === "USAGE";

/**
 * Whether a parent's plan prices the counters of its pool as one, on one line: their values are added (13, 14.2). Where
 * each child is billed itself the counters stay apart.
 */
export const poolsCounters = ({ childBillingMode }: AccountPlanTerms): boolean =>
  childBillingMode !== "CHILD";

/** A grant gives units of the aggregation whose unit is its currency (16.4). */
export const isGrantFor = (currency: string, pricing: PricingTerms): boolean =>
  currency === pricing.aggregation.unit && pricing.type === "DEBIT";

/**
 * Where pricing begins when a grant gave the first units of a period and tiers span the plan (10.4, 16.4): behind
 * them. What was for free is usage of the plan, too, and counts on the ladder; nothing is ever rated twice.
 */
export const spanBeginning = (before: Decimal | null, grantedUnits: Decimal): Decimal | null =>
  grantedUnits.isZero() ? before : (before ?? zero).plus(grantedUnits);

/** Where the overage price list starts counting: at 0 for the overage units (15.6). */
export const overageLadderStart = zero;
