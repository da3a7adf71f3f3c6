/**
 * How a line's exact amount came about, as plain data: enough to compute it again. Each step writes
 * one beside the amount; `amountOf` is the second way to the same number, and explanations rest on it.
 */

import { Decimal, max, min, one, zero } from "../exact/decimal.ts";
import { type Ladder, priceBetween, priceUnits, subtotalOf } from "../pricing/bands.ts";
import { type UnitScale, unitsOf } from "../pricing/units.ts";
import { apportion, type Weight } from "./apportionment.ts";
import { counterPrice, type MinimumSpendRefundMode, spanBeginning, spanPrice } from "./rules.ts";

/** Part of a period that was active: days / days of the whole. */
export interface DayShare {
  readonly activeDays: Decimal;
  readonly days: Decimal;
}

export type Derivation =
  /** Quantity → units, less what a grant gave, → bands. */
  | {
      readonly how: "PRICED_QUANTITY";
      readonly quantity: Decimal;
      readonly scale: UnitScale;
      readonly grantedUnits: Decimal;
      readonly ladder: Ladder;
    }
  /** tiersSpanPlan: what the plan's whole usage costs, less what it cost before and what a grant gave. */
  | {
      readonly how: "SPANNING_QUANTITY";
      readonly before: Decimal | null;
      readonly through: Decimal;
      readonly scale: UnitScale;
      readonly grantedUnits: Decimal;
      readonly ladder: Ladder;
    }
  /** A part of the units of a price: those from `from` to `to`. */
  | {
      readonly how: "UNIT_RANGE";
      readonly from: Decimal;
      readonly to: Decimal;
      readonly ladder: Ladder;
    }
  /** One account's part of what a pool owes. */
  | {
      readonly how: "POOL_SHARE";
      readonly pool: Derivation;
      readonly weights: readonly Weight[];
      readonly accountId: string;
      readonly scale: number;
    }
  | { readonly how: "PRORATED"; readonly amount: Decimal; readonly shares: readonly DayShare[] }
  | {
      readonly how: "COUNTER";
      readonly from: Decimal;
      readonly to: Decimal;
      readonly ladder: Ladder;
      readonly shares: readonly DayShare[];
    }
  /** What is due less what earlier bills charged for it. */
  | { readonly how: "SETTLED"; readonly due: Derivation; readonly billed: Decimal }
  | {
      readonly how: "MINIMUM_SPEND";
      readonly minimum: Derivation;
      readonly charges: Decimal;
      readonly billed: Decimal;
      readonly refundMode: MinimumSpendRefundMode;
    }
  /** A credit, at most so much. */
  | { readonly how: "CAPPED_CREDIT"; readonly credit: Derivation; readonly cap: Decimal }
  | { readonly how: "STATED"; readonly units: Decimal; readonly unitPrice: Decimal }
  /** What a line of an earlier bill comes to by now, less what was billed and what is corrected already; all as printed. */
  | {
      readonly how: "CORRECTED";
      readonly due: Decimal;
      readonly billed: Decimal;
      readonly corrected: Decimal;
    }
  | { readonly how: "DRAW_DOWN"; readonly outstanding: Decimal; readonly available: Decimal }
  | { readonly how: "SURCHARGE"; readonly overage: Decimal; readonly percent: Decimal }
  /** So much of what the whole costs: the part that a credit covers, or the part beyond it. */
  | { readonly how: "PART"; readonly whole: Derivation; readonly amount: Decimal }
  /** Lines of several accounts printed as one. */
  | { readonly how: "SUM"; readonly parts: readonly Decimal[] };

const totalShare = (shares: readonly DayShare[], amount: Decimal): Decimal =>
  shares.reduce(
    (total, { activeDays, days }) =>
      total.plus(activeDays.eq(days) ? amount : amount.times(activeDays).div(days)),
    zero,
  );

/** A minimum that is charged once usage is known: see steps/minimum-spends.ts. */
export const minimumSpendAmount = (given: {
  readonly minimum: Decimal;
  readonly charges: Decimal;
  readonly billed: Decimal;
  readonly refundMode: MinimumSpendRefundMode;
}): Decimal => {
  const { minimum, charges, billed } = given;
  if (given.refundMode === "DOCUMENTED_DIFFERENCE" && billed.isPositive()) {
    return max(billed.minus(charges), zero).neg();
  }
  return max(minimum, charges).minus(charges).minus(billed);
};

/** The exact amount in the line's currency, from the derivation alone. */
export const amountOf = (derivation: Derivation): Decimal => {
  switch (derivation.how) {
    case "PRICED_QUANTITY": {
      const { quantity, scale, grantedUnits, ladder } = derivation;
      return subtotalOf(priceUnits(ladder, unitsOf(quantity, scale).minus(grantedUnits)));
    }
    case "SPANNING_QUANTITY": {
      const { before, through, scale, grantedUnits, ladder } = derivation;
      const unitsBefore = before === null ? null : unitsOf(before, scale);
      return spanPrice(ladder, spanBeginning(unitsBefore, grantedUnits), unitsOf(through, scale));
    }
    case "UNIT_RANGE":
      return priceBetween(derivation.ladder, derivation.from, derivation.to);
    case "POOL_SHARE": {
      const { pool, weights, accountId, scale } = derivation;
      const pooled = amountOf(pool).round(scale, "HALF_UP") ?? zero;
      return apportion(pooled, weights, scale).get(accountId) ?? zero;
    }
    case "PRORATED":
      return totalShare(derivation.shares, derivation.amount);
    case "COUNTER": {
      const { ladder, from, to, shares } = derivation;
      return totalShare(shares, counterPrice(ladder, to).minus(counterPrice(ladder, from)));
    }
    case "SETTLED":
      return amountOf(derivation.due).minus(derivation.billed);
    case "MINIMUM_SPEND":
      return minimumSpendAmount({ ...derivation, minimum: amountOf(derivation.minimum) });
    case "CAPPED_CREDIT":
      return min(amountOf(derivation.credit), derivation.cap).neg();
    case "STATED":
      return derivation.units.times(derivation.unitPrice);
    case "CORRECTED":
      return derivation.due.minus(derivation.billed).minus(derivation.corrected);
    case "DRAW_DOWN":
      return min(derivation.outstanding, derivation.available).neg();
    case "SURCHARGE":
      return derivation.overage.times(derivation.percent).times(new Decimal(1n, 2));
    case "PART":
      return derivation.amount;
    case "SUM":
      return derivation.parts.reduce((total, part) => total.plus(part), zero);
  }
};

/** A stated amount: one unit of it. */
export const stated = (amount: Decimal): Derivation => ({
  how: "STATED",
  units: one,
  unitPrice: amount,
});
