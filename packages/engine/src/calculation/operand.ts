import { amountFrom } from "./arithmetic.ts";
import { CalculationError, type Site } from "./calculation-error.ts";
import type { Environment } from "./environment.ts";
import { Decimal } from "../exact/decimal.ts";
import { MAGNITUDE_EXPONENT_MAX } from "./limits.ts";
import { conditionOf, valueOfAbsentName } from "./rules.ts";
import { type Amount, type Input, isAmount, type Outcome, type Scalar } from "./value.ts";

/** An expression made ready: called once per evaluation. */
export type Run = (environment: Environment) => Outcome;

/** A part of an expression: how to get its value, and where it stands for the sake of errors. */
export interface Operand {
  readonly run: Run;
  readonly site: Site;
}

/** A number where one is needed, or an error at the operand that is none. */
export const amountAt = (outcome: Outcome, site: Site): Amount | CalculationError => {
  if (isAmount(outcome) || outcome instanceof CalculationError) return outcome;
  if (outcome === null) return nullAt(site, "a number");
  const use = typeof outcome === "string" ? "; use Number(…) to read it as one" : "";
  const message = `${site.source} is a ${typeof outcome} where a number is needed${use}`;
  return site.fail("WRONG_TYPE", message);
};

/** A string where one is needed, or an error at the operand that is none. */
export const textAt = (scalar: Scalar, site: Site): string | CalculationError => {
  if (typeof scalar === "string") return scalar;
  if (scalar === null) return nullAt(site, "a string");
  const type = isAmount(scalar) ? "number" : typeof scalar;
  const message = `${site.source} is a ${type} where a string is needed; use String(…)`;
  return site.fail("WRONG_TYPE", message);
};

export const nullAt = (site: Site, needed: string): CalculationError =>
  site.fail(
    "NULL_OPERAND",
    `${site.source} is null where ${needed} is needed; isnull(…, …) gives a value instead`,
  );

/** True or false where a condition is needed, or an error at the operand that is neither. */
export const conditionAt = (outcome: Outcome, site: Site): boolean | CalculationError => {
  if (outcome instanceof CalculationError) return outcome;
  const condition = conditionOf(outcome);
  if (condition !== undefined) return condition;
  const type = isAmount(outcome) ? "number" : typeof outcome;
  const message = `${site.source} is a ${type} where true or false is needed`;
  return site.fail("WRONG_TYPE", message);
};

/** A value from outside, or an error when it is a number that cannot be computed with. */
export const inputAt = (input: Input | undefined, site: Site): Outcome => {
  if (input === undefined) return valueOfAbsentName;
  if (typeof input !== "number" && !(input instanceof Decimal)) return input;
  const message = `${site.source} is not a number below 10^${MAGNITUDE_EXPONENT_MAX}`;
  return amountFrom(input) ?? site.fail("OUT_OF_RANGE", message);
};
