import { Decimal, decimal } from "../exact/decimal.ts";
import { add, divide, isFault, multiply, subtract, truncatedRemainder } from "./arithmetic.ts";
import { CalculationError, type CalculationErrorCode, Site } from "./calculation-error.ts";
import type { Environment, LookupKeyValue, LookupRow } from "./environment.ts";
import { functions } from "./functions.ts";
import { power } from "./power.ts";
import type {
  ArithmeticOperator,
  BinaryOperator,
  Calculation,
  ConstantName,
  Expression,
  LookupKey,
  OrderingOperator,
  Reference,
} from "./syntax.ts";
import type { Input, Value } from "./value.ts";

/**
 * The semantics once more, naively, for tests to compare with: one walk over the tree per
 * evaluation, failures thrown, every rule written out where it applies.
 */
export const walk = (
  { text, root }: Calculation,
  environment: Environment,
): { readonly value: Value } | { readonly code: CalculationErrorCode } => {
  try {
    return { value: new Walk(text, environment).value(root) };
  } catch (error) {
    if (error instanceof Failure) return { code: error.code };
    throw error;
  }
};

class Failure extends Error {
  readonly code: CalculationErrorCode;

  constructor(code: CalculationErrorCode) {
    super(code);
    this.code = code;
  }
}

const computations = {
  "+": add,
  "-": subtract,
  "*": multiply,
  "/": divide,
  "%": truncatedRemainder,
  "^": power,
};

class Walk {
  readonly #text: string;
  readonly #environment: Environment;

  constructor(text: string, environment: Environment) {
    this.#text = text;
    this.#environment = environment;
  }

  value(expression: Expression): Value {
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "constant":
        return this.#constant(expression.name);
      case "reference":
        return this.#reference(expression.reference);
      case "unary": {
        const operand = this.#number(expression.operand);
        return expression.operator === "-" ? operand.neg() : operand;
      }
      case "binary":
        return this.#binary(expression.operator, expression.left, expression.right);
      case "conditional":
        return this.value(
          this.#condition(expression.condition) ? expression.whenTrue : expression.whenFalse,
        );
      case "call":
        return this.#call(expression);
      case "lookup":
        return this.#lookup(expression);
    }
  }

  #constant(name: ConstantName): Value {
    return name === "Math.PI" ? decimal("3.141592653589793238462643383279503") : timestampFormat;
  }

  #reference(reference: Reference): Value {
    const own = this.#environment.read(reference);
    if (own !== undefined || reference.kind !== "field") return this.#input(own);
    const variable = (["ts", "ets", "receivedAt", "account"] as const).find(
      (name) => name === reference.code,
    );
    if (variable === undefined) return null;
    const name = variable === "account" ? variable : `timestamp.${variable}`;
    return this.#input(this.#environment.read({ kind: "system", name, variable }));
  }

  #input(input: Input | undefined): Value {
    if (input === undefined) return null;
    return typeof input === "number" ? decimal(input) : input;
  }

  #number(expression: Expression): Decimal {
    const value = this.value(expression);
    if (value === null) throw new Failure("NULL_OPERAND");
    if (!(value instanceof Decimal)) throw new Failure("WRONG_TYPE");
    return value;
  }

  #string(expression: Expression): string {
    const value = this.value(expression);
    if (value === null) throw new Failure("NULL_OPERAND");
    if (typeof value !== "string") throw new Failure("WRONG_TYPE");
    return value;
  }

  #condition(expression: Expression): boolean {
    const value = this.value(expression);
    if (value !== null && typeof value !== "boolean") throw new Failure("WRONG_TYPE");
    return value === true;
  }

  #binary(operator: BinaryOperator, left: Expression, right: Expression): Value {
    switch (operator) {
      case "AND":
        return this.#condition(left) && this.#condition(right);
      case "OR":
        return this.#condition(left) || this.#condition(right);
      case "==":
        return this.#isEqual(this.value(left), this.value(right));
      case "!=":
        return !this.#isEqual(this.value(left), this.value(right));
      case "<":
      case ">":
      case "<=":
      case ">=":
        return this.#isOrdered(operator, this.value(left), this.value(right));
      case "+":
        return this.#sum(left, right);
      case "-":
      case "*":
      case "/":
      case "%":
      case "^":
        return this.#computed(operator, this.#number(left), this.#number(right));
    }
  }

  #isEqual(a: Value, b: Value): boolean {
    return a instanceof Decimal && b instanceof Decimal ? a.eq(b) : a === b;
  }

  #isOrdered(operator: OrderingOperator, a: Value, b: Value): boolean {
    if (a === null || b === null) return false;
    const numbers = a instanceof Decimal && b instanceof Decimal;
    if (!numbers && (typeof a !== "string" || typeof b !== "string")) {
      throw new Failure("WRONG_TYPE");
    }
    const isLess = a instanceof Decimal && b instanceof Decimal ? a.lt(b) : a < b;
    const isEqual = this.#isEqual(a, b);
    if (operator === "<") return isLess;
    if (operator === "<=") return isLess || isEqual;
    return operator === ">" ? !isLess && !isEqual : !isLess;
  }

  #sum(left: Expression, right: Expression): Value {
    const a = this.value(left);
    if (a === null) throw new Failure("NULL_OPERAND");
    const b = this.value(right);
    if (b === null) throw new Failure("NULL_OPERAND");
    if (typeof a !== "string" && typeof b !== "string") {
      if (!(a instanceof Decimal && b instanceof Decimal)) throw new Failure("WRONG_TYPE");
      return this.#computed("+", a, b);
    }
    const text = `${a instanceof Decimal ? a.toString() : a}${b instanceof Decimal ? b.toString() : b}`;
    if (text.length > 10_000) throw new Failure("OUT_OF_RANGE");
    return text;
  }

  #computed(operator: ArithmeticOperator, a: Decimal, b: Decimal): Decimal {
    const result = computations[operator](a, b);
    if (!isFault(result)) return result;
    throw new Failure(result === "NOT_REAL" ? "BAD_ARGUMENT" : result);
  }

  #call({ name, parameters, span }: Extract<Expression, { kind: "call" }>): Value {
    const [first, second] = parameters;
    if (first === undefined) throw new Failure("WRONG_ARGUMENT_COUNT");
    if (name === "isnull") return this.#unlessNull(first) ?? (second ? this.value(second) : null);
    if (name === "IN") return this.#isIn(first, parameters);
    const outcome = functions[name]({
      values: parameters.map((parameter) => this.value(parameter)),
      sites: [],
      site: new Site(this.#text, span),
    });
    if (outcome instanceof CalculationError) throw new Failure(outcome.code);
    return outcome;
  }

  #unlessNull(expression: Expression): Value {
    try {
      return this.value(expression);
    } catch (error) {
      if (error instanceof Failure && error.code === "NULL_OPERAND") return null;
      throw error;
    }
  }

  #isIn(first: Expression, all: readonly Expression[]): boolean {
    const plain = all.every((part) => part.kind === "literal" || yieldsCondition(part));
    if (all.length === 1 || plain || yieldsCondition(first)) {
      return all.some((part) => {
        const value = this.value(part);
        if (value instanceof Decimal) return !value.isZero();
        return value !== null && value !== false && value !== "";
      });
    }
    const sought = this.value(first);
    return all.slice(1).some((part) => this.#isEqual(sought, this.value(part)));
  }

  #lookup({ name, table, column, keys }: Extract<Expression, { kind: "lookup" }>): Value {
    const row = this.#row(this.#string(table), keys);
    if (column === null) return row !== undefined;
    const found = row && this.#input(this.#cell(row, this.#string(column.field)));
    const value = found ?? this.value(column.fallback);
    const fits =
      name === "Lookup.findNumber" ? value instanceof Decimal : typeof value === "string";
    if (value !== null && !fits) throw new Failure("WRONG_TYPE");
    return value;
  }

  #row(table: string, keys: readonly LookupKey[]): LookupRow | undefined {
    const values: LookupKeyValue[] = [];
    for (const key of keys) {
      const value =
        key.kind === "named" ? this.#reference(key.reference) : this.value(key.expression);
      if (value === null) return undefined;
      values.push(value);
    }
    const answer = this.#environment.lookup(table, values);
    if (answer === "NO_TABLE") throw new Failure("UNKNOWN_TABLE");
    return answer === "NO_ROW" ? undefined : answer;
  }

  #cell(row: LookupRow, field: string): Input {
    const input = row.get(field);
    if (input === undefined) throw new Failure("UNKNOWN_NAME");
    return input;
  }
}

const timestampFormat = "yyyy-MM-dd'T'HH:mm:ss.SSSX";

/** Comparisons, AND, OR and the functions that answer yes or no. */
const yieldsCondition = (expression: Expression): boolean => {
  switch (expression.kind) {
    case "literal":
      return typeof expression.value === "boolean";
    case "binary":
      return /^(?:[=!<>]=?|==|!=|AND|OR)$/.test(expression.operator);
    case "call":
      return expression.name === "IN" || expression.name === "Boolean";
    case "lookup":
      return expression.name === "Lookup.exists";
    case "conditional":
    case "constant":
    case "reference":
    case "unary":
      return false;
  }
};
