import type { CalculationError } from "./calculation-error.ts";
import { Decimal, decimal, zero } from "../exact/decimal.ts";

/** What a calculation yields. */
export type Value = Decimal | string | boolean | null;

/** What a name may stand for; a number is taken at the digits that JSON printed. */
export type Input = Value | number;

/**
 * A number inside the evaluator. A JavaScript `number` here is always a safe integer and never -0:
 * usage is mostly whole, and whole numbers then cost no allocation. Everything else is a Decimal.
 */
export type Amount = number | Decimal;

/** A value inside the evaluator. */
export type Scalar = Amount | string | boolean | null;

/** A value inside the evaluator, or why there is none. */
export type Outcome = Scalar | CalculationError;

export const isAmount = (value: Outcome): value is Amount =>
  typeof value === "number" || value instanceof Decimal;

export const toDecimal = (amount: Amount): Decimal =>
  typeof amount === "number" ? decimal(amount) : amount;

export const toValue = (scalar: Scalar): Value => {
  if (typeof scalar === "number") return decimal(scalar);
  // decimal.js tells -0 from 0; nobody who reads a quantity does.
  if (scalar instanceof Decimal && scalar.isZero()) return zero;
  return scalar;
};

/** Digits without an exponent: how a number reads inside a string. */
export const plainText = (amount: Amount): string =>
  typeof amount === "number" ? String(amount) : amount.toString();
