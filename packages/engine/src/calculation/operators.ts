import { add, type ArithmeticResult, divide, multiply, negate, subtract } from "./arithmetic.ts";
import { CalculationError, type Site } from "./calculation-error.ts";
import { amountOrError } from "./functions.ts";
import { STRING_LENGTH_MAX } from "./limits.ts";
import { amountAt, conditionAt, nullAt, type Operand, type Run } from "./operand.ts";
import { areEqual, orderingWithNull, orderOf, raise, remainder, toText } from "./rules.ts";
import type {
  ArithmeticOperator,
  BinaryOperator,
  OrderingOperator,
  UnaryOperator,
} from "./syntax.ts";
import { type Amount, isAmount, type Outcome, type Scalar } from "./value.ts";

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
      return runArithmetic(ARITHMETIC[operator], sides, site);
    case "<":
    case ">":
    case "<=":
    case ">=":
      return runOrdering(ORDERING[operator], sides, site);
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

interface Arithmetic {
  /** For two safe integers; a result that is no safe integer sends the pair to `exact`. */
  readonly quick: (a: number, b: number) => number;
  readonly exact: (a: Amount, b: Amount) => ArithmeticResult;
}

// Adding 0 turns -0 into 0. A quotient counts only when nothing is left over: the nearest double of
// a quotient can be whole where the quotient is not.
const ARITHMETIC: Readonly<Record<ArithmeticOperator, Arithmetic>> = {
  "+": { quick: (a, b) => a + b, exact: add },
  "-": { quick: (a, b) => a - b, exact: subtract },
  "*": { quick: (a, b) => a * b + 0, exact: multiply },
  "/": { quick: (a, b) => (a % b === 0 ? a / b + 0 : Number.NaN), exact: divide },
  "%": { quick: () => Number.NaN, exact: remainder },
  "^": { quick: () => Number.NaN, exact: raise },
};

const runArithmetic =
  ({ quick, exact }: Arithmetic, { left, right }: Sides, site: Site): Run =>
  (environment) => {
    const a = left.run(environment);
    const b = right.run(environment);
    if (typeof a === "number" && typeof b === "number") {
      const result = quick(a, b);
      if (Number.isSafeInteger(result)) return result;
    }
    const x = amountAt(a, left.site);
    if (x instanceof CalculationError) return x;
    const y = amountAt(b, right.site);
    if (y instanceof CalculationError) return y;
    return amountOrError(exact(x, y), site);
  };

/** `+` adds numbers, and concatenates where either side is a string. */
const runAddition = (sides: Sides, site: Site): Run => {
  const { left, right } = sides;
  const { quick, exact } = ARITHMETIC["+"];
  return (environment) => {
    const a = left.run(environment);
    const b = right.run(environment);
    if (typeof a === "number" && typeof b === "number") {
      const result = quick(a, b);
      if (Number.isSafeInteger(result)) return result;
    }
    if (typeof a === "string" || typeof b === "string") return concatenation([a, b], sides, site);
    const x = amountAt(a, left.site);
    if (x instanceof CalculationError) return x;
    const y = amountAt(b, right.site);
    if (y instanceof CalculationError) return y;
    return amountOrError(exact(x, y), site);
  };
};

const concatenation = (
  [a, b]: readonly [Outcome, Outcome],
  { left, right }: Sides,
  site: Site,
): Outcome => {
  if (a instanceof CalculationError) return a;
  if (b instanceof CalculationError) return b;
  if (a === null) return nullAt(left.site, "a string");
  if (b === null) return nullAt(right.site, "a string");
  const text = toText(a) + toText(b);
  if (text.length <= STRING_LENGTH_MAX) return text;
  const message = `${site.source} makes a string of more than ${STRING_LENGTH_MAX} characters`;
  return site.fail("OUT_OF_RANGE", message);
};

const ORDERING: Readonly<Record<OrderingOperator, (order: number) => boolean>> = {
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

const typeName = (value: Scalar): string => (isAmount(value) ? "number" : typeof value);

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
  if (operator === "+") return (environment) => amountAt(run(environment), site);
  return (environment) => {
    const amount = amountAt(run(environment), site);
    return amount instanceof CalculationError ? amount : negate(amount);
  };
};

export const runConditional =
  (condition: Operand, whenTrue: Run, whenFalse: Run): Run =>
  (environment) => {
    const holds = conditionAt(condition.run(environment), condition.site);
    if (holds instanceof CalculationError) return holds;
    return holds ? whenTrue(environment) : whenFalse(environment);
  };
