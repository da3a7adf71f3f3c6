import { passesUsageFilters } from "@turnpike/engine/bill/usage-windows.ts";
import type { QuantityRule } from "./kept-prices.ts";
import type { MeterPrice, PricedCount } from "./meter-price.ts";
import type { MeterUsage } from "./prices.ts";

/** Usage that the filters of a contract keep off the bill of its plan (m3ter semantics 14.3). */

/** Fields that filters look at, as rules, to be derived where a calculation says them. */
export const filteredBy = (found: MeterPrice): QuantityRule[] =>
  found.kind === "unpriced"
    ? []
    : found.parts.flatMap(({ unlessPassed }) =>
        (unlessPassed?.filters ?? []).map(
          ({ dimensionCode }) => ({ field: dimensionCode, method: "COUNT" }) as const,
        ),
      );

/** The texts of a meter by which bills tell an account's usage apart: by segments, and by the filters of its contracts. */
export const dividedBy = (
  { segmentFields }: Pick<MeterUsage, "segmentFields">,
  { filterFields }: Pick<MeterPrice, "filterFields">,
): readonly string[] =>
  filterFields.length === 0 ? segmentFields : [...segmentFields, ...filterFields];

/** The price, free by those parts whose filters do not let the usage through. */
export const asFiltered = (
  found: MeterPrice,
  dimensions: () => Readonly<Record<string, string>>,
): MeterPrice => {
  if (
    found.kind === "unpriced" ||
    found.parts.every(({ unlessPassed }) => unlessPassed === undefined)
  )
    return found;
  const texts = dimensions();
  const filtered = (part: PricedCount): PricedCount =>
    part.unlessPassed === undefined || passesUsageFilters(part.unlessPassed.filters, texts)
      ? part
      : { ...part, ...part.unlessPassed };
  const [first, ...others] = found.parts;
  return { ...found, parts: [filtered(first), ...others.map(filtered)] };
};
