import { numberFromInput } from "./arithmetic.ts";
import { CalculationError, type Site } from "./calculation-error.ts";
import type { Environment } from "./environment.ts";
import { Decimal } from "../exact/decimal.ts";
import { magnitudeExponentMax } from "./limits.ts";
import { conditionOf, valueOfAbsentName } from "./rules.ts";
import { type Input, type Outcome, typeName, type Value } from "./value.ts";

/** An expression made ready: called once per evaluation. */
export type Run = (environment: Environment) => Outcome;

/** A part of an expression: how to get its value, and where it stands for the sake of errors. */
export interface Operand {
  readonly run: Run;
  readonly site: Site;
}

/** A number where one is needed, or an error at the operand that is none. */
export const numberAt = (outcome: Outcome, site: Site): Decimal | CalculationError => {
  if (outcome === null) return nullAt(site, "a number");
  if (typeof outcome === "object") return outcome;
  const message = `${site.source} is a ${typeName(outcome)} where a number is needed; use Number(…)`;
  return site.fail("WRONG_TYPE", message);
};

/** A string where one is needed, or an error at the operand that is none. */
export const textAt = (value: Value, site: Site): string | CalculationError => {
  if (typeof value === "string") return value;
  if (value === null) return nullAt(site, "a string");
  const message = `${site.source} is a ${typeName(value)} where a string is needed; use String(…)`;
  return site.fail("WRONG_TYPE", message);
};

/** A number or a string where either will do, or an error at the operand that is null. */
export const presentAt = (outcome: Outcome, site: Site): Exclude<Value, null> | CalculationError =>
  outcome ?? nullAt(site, "a number or a string");

const nullAt = (site: Site, needed: string): CalculationError =>
  site.fail(
    "NULL_OPERAND",
    `${site.source} is null where ${needed} is needed; isnull(…, …) gives a value instead`,
  );

/** True or false where a condition is needed, or an error at the operand that is neither. */
export const conditionAt = (outcome: Outcome, site: Site): boolean | CalculationError => {
  if (outcome instanceof CalculationError) return outcome;
  const condition = conditionOf(outcome);
  if (condition !== undefined) return condition;
  const message = `${site.source} is a ${typeName(outcome)} where true or false is needed`;
  return site.fail("WRONG_TYPE", message);
};

/** A value from outside, or an error when it is a number that cannot be computed with. */
export const inputAt = (input: Input | undefined, site: Site): Outcome => {
  if (input === undefined) return valueOfAbsentName;
  if (typeof input !== "number" && !(input instanceof Decimal)) return input;
  return numberFromInput(input) ?? outOfRangeAt(site);
};

const outOfRangeAt = (site: Site): CalculationError =>
  site.fail("OUT_OF_RANGE", `${site.source} is not a number below 10^${magnitudeExponentMax}`);
