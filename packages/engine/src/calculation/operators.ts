import { Decimal } from "../exact/decimal.ts";
import { add, type ArithmeticResult, divide, multiply, subtract } from "./arithmetic.ts";
import { CalculationError, type Site } from "./calculation-error.ts";
import { numberOrError } from "./functions.ts";
import { stringLengthMax } from "./limits.ts";
import { numberAt, conditionAt, type Operand, presentAt, type Run } from "./operand.ts";
import { areEqual, orderingWithNull, orderOf, raise, remainder, castToString } from "./rules.ts";
import type {
  ArithmeticOperator,
  BinaryOperator,
  OrderingOperator,
  UnaryOperator,
} from "./syntax.ts";
import { typeName } from "./value.ts";

/** The two sides of a binary operator. */
export interface Sides {
  readonly left: Operand;
  readonly right: Operand;
}

export const runBinary = (operator: BinaryOperator, sides: Sides, site: Site): Run => {
  switch (operator) {
    case "+":
      return runAddition(sides, site);
    case "-":
    case "*":
    case "/":
    case "%":
    case "^":
      return runArithmetic(computations[operator], sides, site);
    case "<":
    case ">":
    case "<=":
    case ">=":
      return runOrdering(orderings[operator], sides, site);
    case "==":
      return runEquality(true, sides);
    case "!=":
      return runEquality(false, sides);
    case "AND":
      return runLogical(false, sides);
    case "OR":
      return runLogical(true, sides);
  }
};

type Compute = (a: Decimal, b: Decimal) => ArithmeticResult;

const computations: Readonly<Record<ArithmeticOperator, Compute>> = {
  "+": add,
  "-": subtract,
  "*": multiply,
  "/": divide,
  "%": remainder,
  "^": raise,
};

const runArithmetic =
  (compute: Compute, { left, right }: Sides, site: Site): Run =>
  (environment) => {
    const a = numberAt(left.run(environment), left.site);
    if (a instanceof CalculationError) return a;
    const b = numberAt(right.run(environment), right.site);
    if (b instanceof CalculationError) return b;
    return numberOrError(compute(a, b), site);
  };

/** `+` adds numbers, and concatenates where either side is a string. */
const runAddition =
  ({ left, right }: Sides, site: Site): Run =>
  (environment) => {
    const a = presentAt(left.run(environment), left.site);
    if (a instanceof CalculationError) return a;
    const b = presentAt(right.run(environment), right.site);
    if (b instanceof CalculationError) return b;
    if (a instanceof Decimal && b instanceof Decimal) return numberOrError(add(a, b), site);
    if (typeof a === "string" || typeof b === "string") {
      return stringOrError(castToString(a) + castToString(b), site);
    }
    return typeof a === "boolean" ? numberAt(a, left.site) : numberAt(b, right.site);
  };

const stringOrError = (text: string, site: Site): string | CalculationError =>
  text.length <= stringLengthMax
    ? text
    : site.fail(
        "OUT_OF_RANGE",
        `${site.source} makes a string of more than ${stringLengthMax} characters`,
      );

const orderings: Readonly<Record<OrderingOperator, (order: number) => boolean>> = {
  "<": (order) => order < 0,
  ">": (order) => order > 0,
  "<=": (order) => order <= 0,
  ">=": (order) => order >= 0,
};

const runOrdering =
  (holds: (order: number) => boolean, { left, right }: Sides, site: Site): Run =>
  (environment) => {
    const a = left.run(environment);
    if (a instanceof CalculationError) return a;
    const b = right.run(environment);
    if (b instanceof CalculationError) return b;
    if (a === null || b === null) return orderingWithNull;
    const order = orderOf(a, b);
    if (order !== undefined) return holds(order);
    const message = `a ${typeName(a)} and a ${typeName(b)} have no order`;
    return site.fail("WRONG_TYPE", message);
  };

const runEquality =
  (whenEqual: boolean, { left, right }: Sides): Run =>
  (environment) => {
    const a = left.run(environment);
    if (a instanceof CalculationError) return a;
    const b = right.run(environment);
    if (b instanceof CalculationError) return b;
    return areEqual(a, b) === whenEqual;
  };

/** AND stops at the first false, OR at the first true; what is not needed is not evaluated. */
const runLogical =
  (stopsAt: boolean, { left, right }: Sides): Run =>
  (environment) => {
    const first = conditionAt(left.run(environment), left.site);
    if (first instanceof CalculationError || first === stopsAt) return first;
    return conditionAt(right.run(environment), right.site);
  };

export const runUnary = (operator: UnaryOperator, { run, site }: Operand): Run => {
  if (operator === "+") return (environment) => numberAt(run(environment), site);
  return (environment) => {
    const number = numberAt(run(environment), site);
    return number instanceof CalculationError ? number : number.neg();
  };
};

export const runConditional =
  (condition: Operand, whenTrue: Run, whenFalse: Run): Run =>
  (environment) => {
    const holds = conditionAt(condition.run(environment), condition.site);
    if (holds instanceof CalculationError) return holds;
    return holds ? whenTrue(environment) : whenFalse(environment);
  };
