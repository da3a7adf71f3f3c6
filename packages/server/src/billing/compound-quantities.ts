import type { UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import { noTables } from "@turnpike/engine/calculation/environment.ts";
import { compile, type CompiledCalculation } from "@turnpike/engine/calculation/evaluator.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import { type Expression, partsOf } from "@turnpike/engine/calculation/syntax.ts";
import type { Input } from "@turnpike/engine/calculation/value.ts";
import { type Decimal, Decimal as ExactDecimal } from "@turnpike/engine/exact/decimal.ts";
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

const aggregationCodes = (expression: Expression): string[] => [
  ...(expression.kind === "reference" && expression.reference.kind === "aggregation"
    ? [expression.reference.code]
    : []),
  ...partsOf(expression).flatMap(aggregationCodes),
];

const failed = (error: string): UsageQuantity => ({ quantity: null, error });

const unreadable = (error: string): CompoundFormula => ({
  aggregations: [],
  evaluate: () => failed(error),
});

const run = (calculate: CompiledCalculation, values: ReadonlyMap<string, Input>): UsageQuantity => {
  const evaluation = calculate({
    read: ({ name }) => values.get(name) ?? null,
    lookup: noTables,
  });
  if (!evaluation.ok) return failed(evaluation.error.message);
  const { value } = evaluation;
  if (value === null || value instanceof ExactDecimal) return { quantity: value };
  return failed(`the result is ${JSON.stringify(value)} where a number is needed`);
};

/** What a window without measurements counts for (m3ter semantics 6.2). */
const orDefault = ({ defaultValue }: AggregationRecord, quantity: Decimal | null): Input =>
  quantity ?? defaultValue ?? null;

/** `byCode` are the organization's simple aggregations. */
export const compoundFormula = (
  { calculation: text, evaluateNullAggregations }: CompoundRecord,
  byCode: ReadonlyMap<string, AggregationRecord>,
): CompoundFormula => {
  const parsing = parse(text);
  if (!parsing.ok) return unreadable(parsing.error.message);
  const codes = [...new Set(aggregationCodes(parsing.calculation.root))];
  const unknown = codes.find((code) => !byCode.has(code));
  if (unknown !== undefined) return unreadable(`there is no aggregation ${unknown}`);
  const aggregations = codes.flatMap((code) => byCode.get(code) ?? []);
  const calculate = compile(parsing.calculation);
  return {
    aggregations,
    evaluate: (quantities, customFields) => {
      const inputs = aggregations.map((one, index) => orDefault(one, quantities[index] ?? null));
      if (!evaluateNullAggregations && inputs.includes(null)) return { quantity: null };
      const named = inputs.map((input, index) => [`aggregation.${codes[index]}`, input] as const);
      return run(calculate, new Map([...customFields, ...named]));
    },
  };
};
