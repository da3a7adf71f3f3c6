import type { Decimal } from "../exact/decimal.ts";
import type { CompiledCalculation } from "./evaluator.ts";
import { identifiers } from "./identifiers.ts";
import { compileNumber } from "./results.ts";
import { compoundOfNullAggregation } from "./rules.ts";
import type { Calculation } from "./syntax.ts";

/**
 * A compound aggregation (m3ter semantics 7) of the base values of its aggregations: the quantity,
 * before `rounding` and `quantityPerUnit` of the compound, or null for nothing to charge.
 *
 * @param evaluateNullAggregations whether to calculate although an aggregation has no value
 */
export const compileCompoundAggregation = (
  calculation: Calculation,
  evaluateNullAggregations: boolean,
): CompiledCalculation<Decimal | null> => {
  const run = compileNumber(calculation);
  if (evaluateNullAggregations) return run;
  const aggregations = identifiers(calculation)
    .names.map(({ reference }) => reference)
    .filter(({ kind }) => kind === "aggregation");
  return (environment) =>
    aggregations.some((aggregation) => (environment.read(aggregation) ?? null) === null)
      ? { ok: true, value: compoundOfNullAggregation }
      : run(environment);
};
