import { Decimal, decimal, one, zero } from "../exact/decimal.ts";
import {
  type ArithmeticResult,
  bounded,
  divide,
  isFault,
  repeatedProduct,
  roundTo,
} from "./arithmetic.ts";
import {
  fractionalExponentMax,
  fractionalPowerDigits,
  magnitudeExponentMax,
  wholeExponentMax,
} from "./limits.ts";

/**
 * base^exponent. A whole exponent is repeated multiplication: exact while the result has at most
 * 100 digits. An exponent with a fraction is exp(exponent · ln base), see `fractionalPower`.
 */
export const power = (base: Decimal, exponent: Decimal): ArithmeticResult => {
  const whole = exponent.round(0, "UNNECESSARY");
  if (whole === undefined) return fractionalPower(base, exponent);
  if (whole.abs().gt(decimal(wholeExponentMax))) return "OUT_OF_RANGE";
  const count = whole.abs().toNumber();
  return whole.isNegative() ? reciprocalPower(base, count) : repeatedProduct(base, count);
};

const reciprocalPower = (base: Decimal, count: number): ArithmeticResult => {
  if (base.isZero()) return "DIVISION_BY_ZERO";
  const product = repeatedProduct(base, count);
  if (product === "OUT_OF_RANGE") return zero; // one over what is too large is too small to keep
  const quotient = isFault(product) ? product : divide(one, product);
  return quotient === "DIVISION_BY_ZERO" ? "OUT_OF_RANGE" : quotient;
};

/** Computed with whole numbers only, so that every machine gets the same digits. */
const fractionalPower = (base: Decimal, exponent: Decimal): ArithmeticResult => {
  if (base.isNegative()) return "NOT_REAL";
  if (base.isZero()) return exponent.isNegative() ? "DIVISION_BY_ZERO" : zero;
  if (exponent.abs().gt(decimal(fractionalExponentMax))) return "OUT_OF_RANGE";
  return exponential((naturalLogarithm(base) * fixedPoint(exponent)) / unit);
};

/** Fixed point: below, a bigint n stands for n / unit. */
const workingDigits = 80;
const unit = 10n ** BigInt(workingDigits);

const fixedPoint = ({ coefficient, scale }: Decimal): bigint =>
  (coefficient * unit) / 10n ** BigInt(scale);

/** ln x = ln m + e · ln 10 for x = m · 10^e, m around 1. */
const naturalLogarithm = ({ coefficient, scale }: Decimal): bigint => {
  const width = coefficient.toString().length;
  const mantissa = (coefficient * unit) / 10n ** BigInt(width - 1);
  const isNearTen = mantissa > 3n * unit;
  const exponent = width - 1 - scale + (isNearTen ? 1 : 0);
  return logarithmNearOne(isNearTen ? mantissa / 10n : mantissa) + BigInt(exponent) * lnTen;
};

/** ln m = 2 · artanh((m - 1) / (m + 1)) = 2 · (t + t³/3 + t⁵/5 + …), quick for m around 1. */
const logarithmNearOne = (mantissa: bigint): bigint => {
  const t = ((mantissa - unit) * unit) / (mantissa + unit);
  const tSquared = (t * t) / unit;
  let total = 0n;
  let term = t;
  for (let divisor = 1n; term !== 0n; divisor += 2n) {
    total += term / divisor;
    term = (term * tSquared) / unit;
  }
  return 2n * total;
};

const lnTen = logarithmNearOne(10n * unit);

/** e^x = 10^k · e^r, where 0 ≤ r < ln 10. */
const exponential = (x: bigint): ArithmeticResult => {
  const k = x / lnTen - (x % lnTen < 0n ? 1n : 0n);
  if (k > BigInt(magnitudeExponentMax)) return "OUT_OF_RANGE";
  if (k < BigInt(-magnitudeExponentMax)) return zero;
  const mantissa = new Decimal(exponentialSeries(x - k * lnTen), workingDigits);
  const digits = roundTo(mantissa, fractionalPowerDigits - 1, "HALF_UP");
  return isFault(digits) ? digits : bounded(digits.times(decimal(`1e${k}`)));
};

/** 1 + r + r²/2! + r³/3! + … */
const exponentialSeries = (r: bigint): bigint => {
  let total = 0n;
  let term = unit;
  for (let n = 1n; term !== 0n; n += 1n) {
    total += term;
    term = (term * r) / (unit * n);
  }
  return total;
};
