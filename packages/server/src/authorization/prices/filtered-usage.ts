import { passesUsageFilters } from "@turnpike/engine/bill/usage-windows.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { DerivedValues } from "../../ports/derived-fields.ts";
import type { QuantityRule } from "./kept-prices.ts";
import type { MeterPrice, MeterUsage, PricedCount } from "./prices.ts";

/** Usage that the filters of a contract keep off the bill of its plan (m3ter semantics 14.3). */

type Priced = Extract<MeterPrice, { readonly kind: "priced" }>;

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
  found: Priced,
  fields: MeasurementFields,
  derived: DerivedValues["values"],
): Priced => {
  if (found.parts.every(({ unlessPassed }) => unlessPassed === undefined)) return found;
  const dimensions = dimensionsOf(fields, derived);
  const filtered = (part: PricedCount): PricedCount =>
    part.unlessPassed === undefined || passesUsageFilters(part.unlessPassed.filters, dimensions)
      ? part
      : { ...part, ...part.unlessPassed };
  const [first, ...others] = found.parts;
  return { ...found, parts: [filtered(first), ...others.map(filtered)] };
};

/** What is sent under the code of a derived field is not that field. */
const dimensionsOf = (
  { who, what, where, other, metadata }: MeasurementFields,
  derived: DerivedValues["values"],
): Record<string, string> => ({
  ...who,
  ...what,
  ...where,
  ...other,
  ...metadata,
  // Entries, as no assignment makes a field of the name `__proto__`.
  ...Object.fromEntries(
    [...derived].flatMap(([code, value]) => (typeof value === "string" ? [[code, value]] : [])),
  ),
});
