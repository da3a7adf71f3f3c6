import type { CalculationError } from "./calculation-error.ts";
import type { Decimal } from "../exact/decimal.ts";

/** What a calculation yields, and every part of it. */
export type Value = Decimal | string | boolean | null;

/** What a name may stand for; a number is taken at the digits that JSON printed. */
export type Input = Value | number;

/** A value, or why there is none. */
export type Outcome = Value | CalculationError;

/** The type of a value as a sentence names it. */
export const typeName = (value: Value): string => {
  if (value === null) return "null";
  return typeof value === "object" ? "number" : typeof value;
};
