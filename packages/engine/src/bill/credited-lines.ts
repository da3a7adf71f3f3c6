import type { Decimal } from "../exact/decimal.ts";
import type { BillFacts } from "./facts.ts";
import type { Line } from "./line.ts";
import { exactlyOwed, owingLines, totalOwed } from "./owing.ts";
import { pricedUsages } from "./usage-windows.ts";

/**
 * What each charge costs exactly when usage credits have taken their part off it (10.5), by line key and in the line's
 * currency; only of charges that a credit touches. One that is covered to the last printed cent costs nothing.
 */
export const creditedCharges = (
  facts: BillFacts,
  lines: readonly Line[],
): ReadonlyMap<string, Decimal> => {
  const credits = lines.filter(({ lineItemType }) => lineItemType === "USAGE_CREDIT");
  if (credits.length === 0) return new Map();
  const charges = lines.filter(
    ({ lineItemType }) => lineItemType === "USAGE" || lineItemType === "MINIMUM_SPEND",
  );
  const usages = new Map(pricedUsages(facts).map((usage) => [usage.key, usage]));
  const left = new Map<string, Decimal>();
  for (const { line, slices } of owingLines(facts, [...charges, ...credits], usages)) {
    const { own } = totalOwed(slices);
    if (own.eq(line.subtotal)) continue;
    left.set(line.key, exactlyOwed(line, own));
  }
  return left;
};
