import type { Decimal } from "../exact/decimal.ts";
import type { BillFacts } from "./facts.ts";
import type { Line } from "./line.ts";
import { exactlyOwed, owingLines, totalOwed } from "./owing.ts";
import { offsetsCharges } from "./rules.ts";
import { pricedUsages } from "./usage-windows.ts";

/** A charge, and what it costs before it is rounded, in its currency. */
export interface OffsetCharge {
  readonly line: Line;
  readonly cost: Decimal;
}

const isCharge = (line: Line): boolean =>
  (line.lineItemType === "USAGE" || line.lineItemType === "MINIMUM_SPEND") && !offsetsCharges(line);

/**
 * What usage and minimum spends cost when everything that the bill credits or gives back has taken its part off them
 * (10.5): nobody pays for that, neither a wallet nor the invoice. A charge that is covered to the last printed cent costs
 * nothing. What is given back lowers them before other charges: of those a wallet pays nothing.
 *
 * @param lines the bill's own, without corrections of others
 */
export const offsetCharges = (
  facts: BillFacts,
  lines: readonly Line[],
): readonly OffsetCharge[] => {
  const charges = lines.filter(isCharge);
  const offsets = lines.filter(offsetsCharges);
  if (offsets.length === 0) return charges.map((line) => ({ line, cost: line.exact }));
  const usages = new Map(pricedUsages(facts).map((usage) => [usage.key, usage]));
  const owing = owingLines(facts, [...charges, ...offsets], usages);
  const left = new Map(owing.map(({ line, slices }) => [line, totalOwed(slices)]));
  return charges.map((line) => {
    const owed = left.get(line);
    const isWhole = owed === undefined || owed.billing.eq(line.convertedSubtotal);
    return { line, cost: isWhole ? line.exact : exactlyOwed(line, owed) };
  });
};
