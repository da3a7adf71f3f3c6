/**
 * The quantity of a compound aggregation (m3ter semantics 7) from what its calculation is given. That is
 * kept with the bill, so that the quantity can be calculated again when nothing of it stands any more.
 */

import { compileCompoundAggregation } from "../calculation/compound-aggregation.ts";
import { environmentOf } from "../calculation/environment.ts";
import { identifiers } from "../calculation/identifiers.ts";
import {
  lookingUp,
  type LookupQuestion,
  lookupQuestionKey,
} from "../calculation/lookup-answers.ts";
import { parse } from "../calculation/parser.ts";
import type { Calculation } from "../calculation/syntax.ts";
import type { Input } from "../calculation/value.ts";
import type { CompoundDefinition, CompoundInputs, UsageQuantity } from "./facts.ts";

export interface CompoundResult extends UsageQuantity {
  /** The result counts once none of these is left: answer them and evaluate again. */
  readonly unanswered: readonly LookupQuestion[];
}

/** A compound aggregation made ready. */
export interface CompoundFormula {
  /** Codes of the aggregations that it names. */
  readonly codes: readonly string[];
  /** What its calculation is given, of all that there is. */
  readonly inputsOf: (given: CompoundInputs) => CompoundInputs;
  readonly evaluate: (inputs: CompoundInputs) => CompoundResult;
}

const picked = <Value>(
  given: Readonly<Record<string, Value>>,
  isNamed: (name: string) => boolean,
): Record<string, Value> =>
  Object.fromEntries(Object.entries(given).filter(([name]) => isNamed(name)));

const formulaOf = (calculation: Calculation, isNullTaken: boolean): CompoundFormula => {
  const references = identifiers(calculation).names.map(({ reference }) => reference);
  const codes = new Set(
    references.flatMap((one) => (one.kind === "aggregation" ? [one.code] : [])),
  );
  const names = new Set(references.map(({ name }) => name));
  const calculate = compileCompoundAggregation(calculation, isNullTaken);
  return {
    codes: [...codes],
    inputsOf: ({ aggregations, customFields, lookups }) => ({
      aggregations: picked(aggregations, (code) => codes.has(code)),
      customFields: picked(customFields, (name) => names.has(name)),
      lookups,
    }),
    evaluate: ({ aggregations, customFields, lookups }) => {
      const values = new Map<string, Input>(Object.entries(customFields));
      for (const [code, value] of Object.entries(aggregations)) {
        values.set(`aggregation.${code}`, value);
      }
      const answers = new Map(lookups.map((one) => [lookupQuestionKey(one), one]));
      const { lookup, unanswered } = lookingUp(answers);
      const evaluation = calculate(environmentOf(values, lookup));
      const asked = [...unanswered.values()];
      return evaluation.ok
        ? { quantity: evaluation.value, unanswered: asked }
        : { quantity: null, error: evaluation.error.message, unanswered: asked };
    },
  };
};

export const compoundFormula = ({
  calculation: text,
  evaluateNullAggregations,
}: Pick<CompoundDefinition, "calculation" | "evaluateNullAggregations">): CompoundFormula => {
  const parsing = parse(text);
  if (parsing.ok) return formulaOf(parsing.calculation, evaluateNullAggregations);
  const { message: error } = parsing.error;
  return {
    codes: [],
    inputsOf: () => ({ aggregations: {}, customFields: {}, lookups: [] }),
    evaluate: () => ({ quantity: null, error, unanswered: [] }),
  };
};
