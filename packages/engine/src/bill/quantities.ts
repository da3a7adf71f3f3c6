import { dayCount } from "../time/day-count.ts";
import type { Period } from "../time/period.ts";
import { type Decimal, max, zero } from "../exact/decimal.ts";
import type { BillFacts, PricingTerms } from "./facts.ts";
import type { BillFailure } from "./printing.ts";
import { isAdditive } from "./rules.ts";
import { creditSlices, type PricedUsage, sliceKey } from "./usage-windows.ts";

/** What was measured in the window; null when nothing was. */
export const rawQuantity = (facts: BillFacts, windowKey: string): Decimal | null | BillFailure => {
  const answer = facts.quantities[windowKey];
  if (answer === undefined) return { failure: "MISSING_QUANTITY", windowKey };
  if (answer.error !== undefined) {
    return { failure: "CALCULATION_ERROR", windowKey, message: answer.error };
  }
  return answer.quantity;
};

/** The measured quantity, else the aggregation's default; null means there is nothing to charge. */
export const measuredQuantity = (
  facts: BillFacts,
  windowKey: string,
  pricing: PricingTerms,
): Decimal | null | BillFailure =>
  rawQuantity(facts, windowKey) ?? pricing.aggregation.defaultValue ?? null;

/** Part of a service period, and what it counts for when the line's amount is split. */
export interface WeightedSlice {
  readonly period: Period;
  readonly weight: Decimal;
}

const byDays = (facts: BillFacts, slices: readonly Period[]): readonly WeightedSlice[] =>
  slices.map((period) => ({ period, weight: dayCount(period, facts.organization.zone) }));

/** A charge for time, cut where credits begin and end: weighted by days ([R], m3ter semantics 16.3). */
export const timeSlices = (facts: BillFacts, period: Period): readonly WeightedSlice[] => {
  const slices = creditSlices(facts, period);
  return slices.length < 2 ? [{ period, weight: zero }] : byDays(facts, slices);
};

/**
 * Usage, cut where credits begin and end: weighted by what was measured in each part, by days where
 * parts do not add up to the whole ([R], m3ter semantics 16.3). Corrections below zero weigh nothing.
 */
export const usageSlices = (
  facts: BillFacts,
  { pricing, window, key }: PricedUsage,
): readonly WeightedSlice[] => {
  const slices = creditSlices(facts, window);
  if (slices.length < 2) return [{ period: window, weight: zero }];
  if (!isAdditive(pricing)) return byDays(facts, slices);
  const weighted = slices.map((period, index) => ({
    period,
    weight: max(facts.quantities[sliceKey(key, index)]?.quantity ?? zero, zero),
  }));
  return weighted.some(({ weight }) => weight.isPositive()) ? weighted : byDays(facts, slices);
};
