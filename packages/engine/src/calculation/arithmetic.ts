import { Decimal, decimal, one, zero } from "../exact/decimal.ts";
import { divideRounded, type RoundingMode } from "../exact/rounding.ts";
import { digitsMax, magnitudeExponentMax, numberLengthMax } from "./limits.ts";

/** Why an operation on two numbers has no result. */
export type ArithmeticFault = "DIVISION_BY_ZERO" | "OUT_OF_RANGE" | "NOT_REAL";

export type ArithmeticResult = Decimal | ArithmeticFault;

export const isFault = (result: ArithmeticResult): result is ArithmeticFault =>
  typeof result === "string";

const tenTo = (exponent: number): bigint => 10n ** BigInt(exponent);

const shortCoefficient = tenTo(digitsMax);

/**
 * Holds a number to the range that a calculation computes in: below 10^1000, and, beyond the whole
 * digits, to 100 significant ones, rounded half-up. Without it a formula could grow numbers at will.
 */
export const bounded = (amount: Decimal): Decimal | "OUT_OF_RANGE" => {
  const { coefficient, scale } = amount;
  const isShort = coefficient < shortCoefficient && coefficient > -shortCoefficient;
  return isShort && scale <= magnitudeExponentMax ? amount : cut(amount);
};

const cut = (amount: Decimal): Decimal | "OUT_OF_RANGE" => {
  const { coefficient, scale } = amount;
  if (coefficient === 0n) return zero;
  const exponent = digitCount(coefficient) - scale; // 10^(exponent - 1) ≤ |amount| < 10^exponent
  if (exponent > magnitudeExponentMax) return "OUT_OF_RANGE";
  if (exponent <= -magnitudeExponentMax) return zero;
  return amount.round(Math.max(digitsMax - exponent, 0), "HALF_UP") ?? amount;
};

const digitCount = (coefficient: bigint): number =>
  (coefficient < 0n ? -coefficient : coefficient).toString().length;

export const add = (a: Decimal, b: Decimal): ArithmeticResult => bounded(a.plus(b));

export const subtract = (a: Decimal, b: Decimal): ArithmeticResult => bounded(a.minus(b));

export const multiply = (a: Decimal, b: Decimal): ArithmeticResult => bounded(a.times(b));

/** Exact where it ends within 99 digits; else it keeps 99 or 100 of them, rounded half-up. */
export const divide = (a: Decimal, b: Decimal): ArithmeticResult => {
  if (b.isZero()) return "DIVISION_BY_ZERO";
  // `Decimal.div` keeps exactly 100 digits; not counting those of the quotient is ten times faster.
  const lead = digitCount(a.coefficient) - a.scale - (digitCount(b.coefficient) - b.scale);
  const quotient = a.divTo(b, Math.max(digitsMax - 1 - lead, 0));
  const ends = quotient.coefficient % manyZeros === 0n;
  return bounded(ends ? decimal(quotient.toString()) : quotient);
};

const manyZeros = tenTo(16);

/** The exact rest of a division that truncates: it has the sign of the dividend. */
export const truncatedRemainder = (a: Decimal, b: Decimal): ArithmeticResult => {
  if (b.isZero()) return "DIVISION_BY_ZERO";
  const scale = Math.max(a.scale, b.scale);
  const rest = (a.coefficient * tenTo(scale - a.scale)) % (b.coefficient * tenTo(scale - b.scale));
  return bounded(new Decimal(rest, scale));
};

/** A multiple of 10^-scale: two decimals at scale 2, hundreds at scale -2. */
export const roundTo = (
  amount: Decimal,
  scale: number,
  mode: Exclude<RoundingMode, "UNNECESSARY">,
): ArithmeticResult => {
  if (scale >= 0) return amount.round(scale, mode) ?? amount;
  const step = tenTo(-scale);
  const steps = divideRounded(amount.coefficient, step * tenTo(amount.scale), mode) ?? 0n;
  return bounded(decimal(steps * step));
};

const numberText = /^[+-]?(?<whole>\d*)(?:\.(?<fraction>\d+))?(?:[eE][+-]?\d{1,4})?$/;
const outerZeros = /^0+|0+$/g;

/** Reads a written number; undefined when it is none, has too many digits or is out of range. */
export const numberFromText = (text: string): Decimal | undefined => {
  if (text.length > numberLengthMax) return undefined;
  const parts = numberText.exec(text);
  const digits = (parts?.groups?.["whole"] ?? "") + (parts?.groups?.["fraction"] ?? "");
  if (digits === "" || digits.replace(outerZeros, "").length > digitsMax) return undefined;
  const amount = bounded(decimal(text));
  return isFault(amount) ? undefined : amount;
};

/** Takes a number from outside; undefined when it is not finite or out of range. */
export const numberFromInput = (input: number | Decimal): Decimal | undefined => {
  if (typeof input === "number" && !Number.isFinite(input)) return undefined;
  const amount = bounded(decimal(input));
  return isFault(amount) ? undefined : amount;
};

/** The product of so many factors; exact while it has at most 100 significant digits. */
export const repeatedProduct = (factor: Decimal, count: number): ArithmeticResult => {
  let product = one;
  let square = factor;
  for (let left = count; left > 0; left = Math.floor(left / 2)) {
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
