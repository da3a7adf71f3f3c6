import { Decimal as DecimalJs } from "decimal.js";

/**
 * An exact decimal number. Sums, differences and products are exact up to 100 significant digits,
 * which no bill reaches; quotients are rounded half-up at 100 digits and must be followed by a rounding rule.
 *
 * The rest of the engine uses only the methods `plus, minus, times, div, neg, abs, cmp, eq, lt, lte, gt, gte,
 * isZero, isNegative, isPositive, toString, toFixed, toNumber`, so that another implementation can stand here.
 */
export const Decimal = DecimalJs.clone({
  precision: 100,
  rounding: DecimalJs.ROUND_HALF_UP,
  toExpNeg: -1000,
  toExpPos: 1000,
  defaults: true,
});
export type Decimal = DecimalJs;

/** What can be read as a decimal: a number is taken at its shortest decimal text, as JSON printed it. */
export type DecimalInput = string | number | bigint | Decimal;

export const decimal = (input: DecimalInput): Decimal =>
  new Decimal(typeof input === "bigint" ? input.toString() : input);

export const zero = decimal(0);
export const one = decimal(1);

export const sum = (terms: Iterable<Decimal>): Decimal => {
  let total = zero;
  for (const term of terms) total = total.plus(term);
  return total;
};

export const min = (a: Decimal, b: Decimal): Decimal => (a.lte(b) ? a : b);
export const max = (a: Decimal, b: Decimal): Decimal => (a.gte(b) ? a : b);
