import { Decimal } from "../exact/decimal.ts";
import { Site } from "./calculation-error.ts";
import { compile, type CompiledCalculation } from "./evaluator.ts";
import { conditionOf, textOfResult } from "./rules.ts";
import type { Calculation } from "./syntax.ts";
import { typeName, type Value } from "./value.ts";

/** A derived field of a numeric category: a number, or null for no value. */
export const compileNumber = (calculation: Calculation): CompiledCalculation<Decimal | null> =>
  compileTo(calculation, "a number", (value) =>
    value === null || value instanceof Decimal ? value : undefined,
  );

/** A derived field of a string category: a string, or null for no value. */
export const compileText = (calculation: Calculation): CompiledCalculation<string | null> =>
  compileTo(calculation, "a string", textOfResult);

/** A notification rule: whether it holds (m3ter semantics 22). Null is false, as in AND and OR. */
export const compileCondition = (calculation: Calculation): CompiledCalculation<boolean> =>
  compileTo(calculation, "true or false", conditionOf);

const compileTo = <T>(
  calculation: Calculation,
  wanted: string,
  read: (value: Value) => T | undefined,
): CompiledCalculation<T> => {
  const run = compile(calculation);
  const site = new Site(calculation.text, calculation.root.span);
  return (environment) => {
    const evaluation = run(environment);
    if (!evaluation.ok) return evaluation;
    const value = read(evaluation.value);
    if (value !== undefined) return { ok: true, value };
    const message = `the result is a ${typeName(evaluation.value)} where ${wanted} is needed`;
    return { ok: false, error: site.fail("WRONG_TYPE", message) };
  };
};
