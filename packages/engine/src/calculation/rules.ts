/**
 * The rules that m3ter's public material leaves open, each the [R] decision of the m3ter semantics
 * page (section in brackets) or of ours where that page is silent too. Nothing else in this folder
 * decides one of them, so evidence to the contrary is one edit here. Bounds are in `limits.ts`.
 */
import { numberFromText, truncatedRemainder } from "./arithmetic.ts";
import { CalculationError } from "./calculation-error.ts";
import { Decimal, decimal, one, zero } from "../exact/decimal.ts";
import type { RoundingMode } from "../exact/rounding.ts";
import { power } from "./power.ts";
import type {
  BinaryOperator,
  CustomFieldEntity,
  Expression,
  Reference,
  SystemVariable,
} from "./syntax.ts";
import type { Outcome, Value } from "./value.ts";

// ---- Syntax

/** How tightly an operator binds; a unary sign binds tighter than all of them: -2^2 is 4 [5.2]. */
export const binding: Readonly<Record<BinaryOperator, number>> = {
  OR: 1,
  AND: 2,
  "==": 3,
  "!=": 3,
  "<": 4,
  ">": 4,
  "<=": 4,
  ">=": 4,
  "+": 5,
  "-": 5,
  "*": 6,
  "/": 6,
  "%": 6,
  "^": 7,
};

/** 2^3^2 is 2^(3^2); every other operator groups from the left [5.2]. */
export const isRightAssociative = (operator: BinaryOperator): boolean => operator === "^";

/** What may follow a backslash in a string, and what it stands for. */
export const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
]);

// ---- Names

/** Entities of `<entity>.<name>` and `<entity>.customFields.<name>` [2.10]. */
export const customFieldEntities: readonly CustomFieldEntity[] = [
  "organization",
  "account",
  "accountPlan",
  "meter",
  "product",
  "plan",
  "planTemplate",
  "contract",
];

/** Names of the measurement's own facts; timestamps are in epoch milliseconds [5.2]. */
export const systemNames: ReadonlyMap<string, SystemVariable> = new Map([
  ["timestamp.ts", "ts"],
  ["timestamp.ets", "ets"],
  ["timestamp.receivedAt", "receivedAt"],
  ["ts", "ts"],
  ["ets", "ets"],
  ["receivedAt", "receivedAt"],
  ["account", "account"],
]);

/**
 * What a reference may mean, best first. A bare `ts`, `ets`, `receivedAt` or `account` is the
 * meter's own field of that code when it has one, because those system names are our reading of
 * m3ter whereas a data field's code is m3ter's promise [5.2].
 */
export const meaningsOf = (reference: Reference): readonly Reference[] => {
  const variable = reference.kind === "field" ? systemNames.get(reference.code) : undefined;
  return variable === undefined ? [reference] : [reference, systemReference(variable)];
};

export const systemReference = (variable: SystemVariable): Reference => ({
  kind: "system",
  name: variable === "account" ? "account" : `timestamp.${variable}`,
  variable,
});

/** A lookup key written as a string names a field; any other expression is the key itself [8]. */
export const isLookupKeyName = (key: Expression): key is Expression & { value: string } =>
  key.kind === "literal" && typeof key.value === "string";

/** Functions that would make the same facts give another answer later [5.1]. */
export const refusedFunctions: ReadonlyMap<string, string> = new Map([
  ["DateTime.now", "a calculation must give the same answer at any time; use ts or receivedAt"],
]);

// ---- Null

/**
 * What a name stands for that the environment does not know. That a name exists is checked when a
 * calculation is written; by the time it runs, a field may be gone, and it then reads as empty.
 */
export const valueOfAbsentName = null;

/** A null number in arithmetic is an error, except inside the first argument of `isnull` [5.2]. */
export const countsAsNull = (outcome: Outcome): boolean =>
  outcome === null || (outcome instanceof CalculationError && outcome.code === "NULL_OPERAND");

/**
 * `null < 1`, `null >= null` and the like are false, not an error: m3ter's own notification sample
 * compares `old.amountSpent` before it tests it for null [22].
 */
export const orderingWithNull = false;

/** `Number`, `String` and `Boolean` of null are null, so that `isnull` may stand around a cast. */
export const castOfNull = null;

/** A lookup by a null key finds no row, and so yields the default [8]. */
export const isUsableLookupKey = (key: Value): key is Exclude<Value, null> => key !== null;

/** What a compound aggregation is when a referenced aggregation is null and that ends it [7]. */
export const compoundOfNullAggregation = null;

// ---- Comparison and conditions

/** No conversion between types: 1 == "1" is false. Numbers are equal by value: 1.0 == 1. */
export const areEqual = (a: Value, b: Value): boolean =>
  a instanceof Decimal && b instanceof Decimal ? a.eq(b) : a === b;

/** Strings order by UTF-16 code units, numbers by value; nothing else has an order. */
export const orderOf = (a: Value, b: Value): number | undefined => {
  if (a instanceof Decimal && b instanceof Decimal) return a.cmp(b);
  if (typeof a !== "string" || typeof b !== "string") return undefined;
  if (a === b) return 0;
  return a < b ? -1 : 1;
};

/** What AND, OR and ?: take for a condition: true, false, or null for false. Nothing else. */
export const conditionOf = (value: Value): boolean | undefined => {
  if (value === null) return false;
  return typeof value === "boolean" ? value : undefined;
};

/** Whether `IN` counts an argument as satisfied [5.1]. */
export const isSatisfied = (value: Value): boolean => {
  if (value instanceof Decimal) return !value.isZero();
  return value !== null && value !== "" && value !== false;
};

/**
 * `IN(x, a, b)` asks whether x is one of a, b; `IN(a, b)` of literals and conditions only asks
 * whether any of them is satisfied, as in m3ter's `IN("completed", "succeeded") ? …` [5.1].
 */
export const isMembershipTest = (parameters: readonly Expression[]): boolean => {
  const [first] = parameters;
  if (first === undefined || parameters.length < 2 || isCondition(first)) return false;
  return parameters.some((parameter) => parameter.kind !== "literal" && !isCondition(parameter));
};

const isCondition = (expression: Expression): boolean => {
  switch (expression.kind) {
    case "literal":
      return typeof expression.value === "boolean";
    case "binary":
      return binding[expression.operator] < binding["+"];
    case "call":
      return expression.name === "IN" || expression.name === "Boolean";
    case "lookup":
      return expression.name === "Lookup.exists";
    case "constant":
    case "reference":
    case "unary":
    case "conditional":
      return false;
  }
};

// ---- Numbers

/** `Math.PI`, to the 34 digits of DECIMAL128. */
export const pi = decimal("3.141592653589793238462643383279503");

/** `Math.round(2.5)` is 3 [5.1]; and -2.5 is -3, as for aggregations [6.3]. */
export const halfRounding: Exclude<RoundingMode, "UNNECESSARY"> = "HALF_UP";

/** `-7 % 3` is -1: the sign of the dividend, as in Java. */
export const remainder = truncatedRemainder;

/** `a ^ b` and `Math.pow(a, b)`; 0^0 is 1, a negative base takes whole exponents only. */
export const raise = power;

// ---- Casts [5.1]; undefined when the value cannot be read as the type

export const castToNumber = (value: Exclude<Value, null>): Decimal | undefined => {
  if (typeof value === "boolean") return value ? one : zero;
  return typeof value === "string" ? numberFromText(value) : value;
};

export const castToString = (value: Exclude<Value, null>): string => {
  if (typeof value === "boolean") return value ? "true" : "false";
  return typeof value === "string" ? value : value.toString();
};

export const castToBoolean = (value: Exclude<Value, null>): boolean | undefined => {
  if (typeof value === "boolean") return value;
  if (value instanceof Decimal) return !value.isZero();
  if (value === "true") return true;
  return value === "false" ? false : undefined;
};

/** What a derived field of a string category stores: any result, as `String` writes it. */
export const textOfResult = (value: Value): string | null =>
  value === null ? null : castToString(value);

// ---- Dates [5.1]

export const timestampFormat = "yyyy-MM-dd'T'HH:mm:ss.SSSX";

/** What `DateTime.parse` tries, in this order, when it is given no pattern. */
export const defaultFormats: readonly string[] = [
  timestampFormat,
  "yyyy-MM-dd'T'HH:mm:ssX",
  "yyyy-MM-dd'T'HH:mm:ss.SSSSSSX",
  "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSX",
  "yyyy-MM-dd",
];
