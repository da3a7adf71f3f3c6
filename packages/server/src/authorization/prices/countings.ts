import type { Budget } from "@turnpike/engine/ledger/budget-window.ts";
import type { FurtherCount } from "@turnpike/engine/ledger/price.ts";
import type { MeasuredUsage } from "../usage/measurements.ts";
import type { Counting } from "./meter-price.ts";

/**
 * The unit of each count, for budgets by unit. Two prices of one quantity count it once: the second has no unit for them.
 */
const unitsOf = (countings: readonly Counting[]): (string | null)[] =>
  countings.map(({ counts, unit }, nth) => {
    const isSame = (other: Counting): boolean =>
      other.unit === unit &&
      other.counts.field === counts.field &&
      other.counts.method === counts.method;
    return countings.findIndex(isSame) === nth ? unit : null;
  });

/**
 * Behind what a plan prices, every counting of the meter where a budget may count what no price does: the same rules are
 * found again when a part is settled (`rulesOf`). Nothing where none does, so that most calls keep few counts.
 */
export const withBudgeted = (
  priced: readonly Counting[],
  all: readonly Counting[],
  budgets: readonly Budget[],
): readonly Counting[] => {
  // What is priced is one of them.
  if (all.length <= 1) return priced;
  const together = [...priced, ...all];
  const units = new Set(unitsOf(together).slice(priced.length));
  const isBudgeted = budgets.some(({ counts }) => "unit" in counts && units.has(counts.unit));
  return isBudgeted ? together : priced;
};

/** What is counted beside the first quantity where no price counts it. */
export const unpricedFurther = (
  countings: readonly Counting[],
  { counted }: MeasuredUsage,
): FurtherCount[] =>
  unitsOf(countings)
    .map((unit, nth) => ({ unit, quantity: counted[nth]?.quantity ?? 0n, position: null }))
    .slice(1);
