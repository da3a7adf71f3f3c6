import type { UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import { compileCompoundAggregation } from "@turnpike/engine/calculation/compound-aggregation.ts";
import { environmentOf } from "@turnpike/engine/calculation/environment.ts";
import { identifiers } from "@turnpike/engine/calculation/identifiers.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import type { Input } from "@turnpike/engine/calculation/value.ts";
import type { Decimal } from "@turnpike/engine/exact/decimal.ts";
import type { AggregationRecord, CompoundRecord } from "./catalog-snapshot.ts";

/** A compound aggregation made ready: which simple ones it needs, and what it makes of them. */
export interface CompoundFormula {
  readonly aggregations: readonly AggregationRecord[];
  /** Of the base quantities of `aggregations`, in their order, and custom fields by name (m3ter semantics 7). */
  readonly evaluate: (
    quantities: readonly (Decimal | null)[],
    customFields: ReadonlyMap<string, Input>,
  ) => UsageQuantity;
}

const unreadable = (error: string): CompoundFormula => ({
  aggregations: [],
  evaluate: () => ({ quantity: null, error }),
});

/** `byCode` are the organization's simple aggregations. */
export const compoundFormula = (
  { calculation: text, evaluateNullAggregations }: CompoundRecord,
  byCode: ReadonlyMap<string, AggregationRecord>,
): CompoundFormula => {
  const parsing = parse(text);
  if (!parsing.ok) return unreadable(parsing.error.message);
  const { calculation } = parsing;
  const codes = new Set(
    identifiers(calculation).names.flatMap(({ reference }) =>
      reference.kind === "aggregation" ? [reference.code] : [],
    ),
  );
  const unknown = [...codes].find((code) => !byCode.has(code));
  if (unknown !== undefined) return unreadable(`there is no aggregation ${unknown}`);
  const aggregations = [...codes].flatMap((code) => byCode.get(code) ?? []);
  const calculate = compileCompoundAggregation(calculation, evaluateNullAggregations);
  return {
    aggregations,
    evaluate: (quantities, customFields) => {
      const values = new Map(customFields);
      for (const [index, { code, defaultValue }] of aggregations.entries()) {
        values.set(`aggregation.${code}`, quantities[index] ?? defaultValue ?? null);
      }
      const evaluation = calculate(environmentOf(values));
      return evaluation.ok
        ? { quantity: evaluation.value }
        : { quantity: null, error: evaluation.error.message };
    },
  };
};
