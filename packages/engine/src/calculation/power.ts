import { decimal, one, type Decimal } from "../exact/decimal.ts";
import {
  type ArithmeticResult,
  digitsOf,
  divide,
  inRange,
  isFault,
  multiply,
  roundTo,
} from "./arithmetic.ts";
import { FRACTIONAL_EXPONENT_MAX, MAGNITUDE_EXPONENT_MAX, WHOLE_EXPONENT_MAX } from "./limits.ts";
import { type Amount, toDecimal } from "./value.ts";

/**
 * base^exponent. A whole exponent is repeated multiplication: exact while the result has at most
 * 100 digits. An exponent with a fraction is exp(exponent · ln base), see `fractionalPower`.
 */
export const power = (base: Amount, exponent: Amount): ArithmeticResult => {
  const whole = wholeOf(exponent);
  if (whole === undefined) return fractionalPower(toDecimal(base), toDecimal(exponent));
  if (Math.abs(whole) > WHOLE_EXPONENT_MAX) return "OUT_OF_RANGE";
  return whole >= 0 ? repeatedProduct(base, whole) : reciprocalPower(base, -whole);
};

/** The exponent as a number when it is whole; ±Infinity stands for any beyond a safe integer. */
const wholeOf = (exponent: Amount): number | undefined => {
  if (typeof exponent === "number") return exponent;
  const { coefficient, scale } = digitsOf(exponent);
  return scale === 0 ? Number(coefficient) : undefined;
};

const repeatedProduct = (base: Amount, exponent: number): ArithmeticResult => {
  let product: Amount = one;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) {
      const next = multiply(product, square);
      if (isFault(next)) return next;
      product = next;
    }
    if (left > 1) {
      const next = multiply(square, square);
      if (isFault(next)) return next;
      square = next;
    }
  }
  return product;
};

const reciprocalPower = (base: Amount, exponent: number): ArithmeticResult => {
  if (toDecimal(base).isZero()) return "DIVISION_BY_ZERO";
  const product = repeatedProduct(base, exponent);
  if (product === "OUT_OF_RANGE") return 0; // 1 over a number too large is too small to tell from 0
  const quotient = isFault(product) ? product : divide(one, product);
  return quotient === "DIVISION_BY_ZERO" ? "OUT_OF_RANGE" : quotient;
};

/**
 * [R] Significant digits of a power with a fractional exponent, rounded half away from zero: those
 * of DECIMAL128. Computed with whole numbers only, so every machine gets the same digits.
 */
const FRACTIONAL_POWER_DIGITS = 34;

const WORKING_DIGITS = 80;
const UNIT = 10n ** BigInt(WORKING_DIGITS);

const fractionalPower = (base: Decimal, exponent: Decimal): ArithmeticResult => {
  if (base.isNegative() && !base.isZero()) return "NOT_REAL";
  if (base.isZero()) return exponent.isNegative() ? "DIVISION_BY_ZERO" : 0;
  if (exponent.abs().gt(decimal(FRACTIONAL_EXPONENT_MAX))) return "OUT_OF_RANGE";
  const logarithm = (naturalLogarithm(base) * fixedPoint(exponent)) / UNIT;
  return exponential(logarithm);
};

/** A number as a multiple of 1 / UNIT. */
const fixedPoint = (amount: Decimal): bigint => {
  const { coefficient, scale } = digitsOf(amount);
  return (coefficient * UNIT) / 10n ** BigInt(scale);
};

/** ln x = ln m + e · ln 10 for x = m · 10^e, m around 1. */
const naturalLogarithm = (amount: Decimal): bigint => {
  const { coefficient, scale } = digitsOf(amount);
  const width = coefficient.toString().length;
  const mantissa = (coefficient * UNIT) / 10n ** BigInt(width - 1);
  const isNearTen = mantissa > 3n * UNIT;
  const exponent = width - 1 - scale + (isNearTen ? 1 : 0);
  return logarithmNearOne(isNearTen ? mantissa / 10n : mantissa) + BigInt(exponent) * LN_10;
};

/** ln m = 2 · artanh((m - 1) / (m + 1)) = 2 · (t + t³/3 + t⁵/5 + …), quick for m around 1. */
const logarithmNearOne = (mantissa: bigint): bigint => {
  const t = ((mantissa - UNIT) * UNIT) / (mantissa + UNIT);
  const tSquared = (t * t) / UNIT;
  let total = 0n;
  let term = t;
  for (let divisor = 1n; term !== 0n; divisor += 2n) {
    total += term / divisor;
    term = (term * tSquared) / UNIT;
  }
  return 2n * total;
};

const LN_10 = logarithmNearOne(10n * UNIT);

/** e^x = 10^k · e^r, where 0 ≤ r < ln 10. */
const exponential = (x: bigint): ArithmeticResult => {
  const truncated = x / LN_10;
  const k = x % LN_10 < 0n ? truncated - 1n : truncated;
  if (k > BigInt(MAGNITUDE_EXPONENT_MAX)) return "OUT_OF_RANGE";
  if (k < BigInt(-MAGNITUDE_EXPONENT_MAX)) return 0;
  const mantissa = decimal(`${exponentialSeries(x - k * LN_10)}e${-WORKING_DIGITS}`);
  const digits = roundTo(mantissa, FRACTIONAL_POWER_DIGITS - 1, "HALF_AWAY_FROM_ZERO");
  return isFault(digits) ? digits : inRange(toDecimal(digits).times(decimal(`1e${k}`)));
};

/** 1 + r + r²/2! + r³/3! + … */
const exponentialSeries = (r: bigint): bigint => {
  let total = 0n;
  let term = UNIT;
  for (let n = 1n; term !== 0n; n += 1n) {
    total += term;
    term = (term * r) / (UNIT * n);
  }
  return total;
};
