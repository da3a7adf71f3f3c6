import { CalculationError, Site } from "./calculation-error.ts";
import type { Environment } from "./environment.ts";
import { functions } from "./functions.ts";
import { runLookup } from "./lookups.ts";
import { inputAt, type Operand, type Run } from "./operand.ts";
import { runBinary, runConditional, runUnary } from "./operators.ts";
import {
  areEqual,
  countsAsNull,
  isMembershipTest,
  isSatisfied,
  meaningsOf,
  pi,
  timestampFormat,
} from "./rules.ts";
import type { Calculation, Expression, LookupKey, Reference } from "./syntax.ts";
import type { Value } from "./value.ts";

export type Evaluation<T = Value> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: CalculationError };

/** A calculation made ready; it holds no state and can be called any number of times. */
export type CompiledCalculation<T = Value> = (environment: Environment) => Evaluation<T>;

/**
 * Turns the tree into closures once, so that an evaluation does not look at the tree again: derived
 * fields are evaluated for every event that is ingested.
 */
export const compile = ({ text, root }: Calculation): CompiledCalculation => {
  const { run } = operandOf(text, root);
  return (environment) => {
    const outcome = run(environment);
    return outcome instanceof CalculationError
      ? { ok: false, error: outcome }
      : { ok: true, value: outcome };
  };
};

/** For a calculation that is evaluated once; otherwise compile it and keep the result. */
export const evaluate = (calculation: Calculation, environment: Environment): Evaluation =>
  compile(calculation)(environment);

const operandOf = (text: string, expression: Expression): Operand => {
  const site = new Site(text, expression.span);
  return { run: runOf(text, expression, site), site };
};

const runOf = (text: string, expression: Expression, site: Site): Run => {
  const ready = (part: Expression): Operand => operandOf(text, part);
  switch (expression.kind) {
    case "literal":
      return runConstant(expression.value);
    case "constant":
      return runConstant(expression.name === "Math.PI" ? pi : timestampFormat);
    case "reference":
      return runReference(expression.reference, site);
    case "unary":
      return runUnary(expression.operator, ready(expression.operand));
    case "binary": {
      const sides = { left: ready(expression.left), right: ready(expression.right) };
      return runBinary(expression.operator, sides, site);
    }
    case "conditional": {
      const { condition, whenTrue, whenFalse } = expression;
      return runConditional(ready(condition), ready(whenTrue).run, ready(whenFalse).run);
    }
    case "call":
      return runCall(expression, expression.parameters.map(ready), site);
    case "lookup": {
      const { name, table, column, keys } = expression;
      return runLookup({
        name,
        table: ready(table),
        column: column && { field: ready(column.field), fallback: ready(column.fallback) },
        keys: keys.map((key) => runKey(text, key)),
        site,
      });
    }
  }
};

const runConstant =
  (value: Value): Run =>
  () =>
    value;

const runReference = (reference: Reference, site: Site): Run => {
  const [best = reference, other] = meaningsOf(reference);
  if (other === undefined) return (environment) => inputAt(environment.read(best), site);
  return (environment) => {
    const input = environment.read(best);
    return inputAt(input === undefined ? environment.read(other) : input, site);
  };
};

const runKey = (text: string, key: LookupKey): Run =>
  key.kind === "named"
    ? runReference(key.reference, new Site(text, key.span))
    : operandOf(text, key.expression).run;

const runCall = (
  { name, parameters }: Extract<Expression, { kind: "call" }>,
  operands: readonly Operand[],
  site: Site,
): Run => {
  if (name === "isnull") return runIsNull(operands);
  if (name === "IN") return isMembershipTest(parameters) ? runIsAmong(operands) : runAny(operands);
  const apply = functions[name];
  const sites = operands.map((operand) => operand.site);
  return (environment) => {
    const values: Value[] = [];
    for (const { run } of operands) {
      const value = run(environment);
      if (value instanceof CalculationError) return value;
      values.push(value);
    }
    return apply({ values, sites, site });
  };
};

/** `isnull(a, b)`: a, or b where a is null. */
const runIsNull =
  ([first, second]: readonly Operand[]): Run =>
  (environment) => {
    const outcome = first?.run(environment) ?? null;
    return countsAsNull(outcome) ? (second?.run(environment) ?? null) : outcome;
  };

/** `IN(x, a, b)`: whether x is one of the others. */
const runIsAmong =
  ([sought, ...candidates]: readonly Operand[]): Run =>
  (environment) => {
    const value = sought?.run(environment) ?? null;
    if (value instanceof CalculationError) return value;
    for (const { run } of candidates) {
      const candidate = run(environment);
      if (candidate instanceof CalculationError) return candidate;
      if (areEqual(value, candidate)) return true;
    }
    return false;
  };

/** `IN(a, b)`: whether any of them is satisfied. */
const runAny =
  (operands: readonly Operand[]): Run =>
  (environment) => {
    for (const { run } of operands) {
      const value = run(environment);
      if (value instanceof CalculationError) return value;
      if (isSatisfied(value)) return true;
    }
    return false;
  };
