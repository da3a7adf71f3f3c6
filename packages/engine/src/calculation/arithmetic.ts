import { Decimal, decimal, zero } from "../exact/decimal.ts";
import { DIGITS_MAX, MAGNITUDE_EXPONENT_MAX, NUMBER_LENGTH_MAX } from "./limits.ts";
import { type Amount, toDecimal } from "./value.ts";

/** Why an operation on two numbers has no result. */
export type ArithmeticFault = "DIVISION_BY_ZERO" | "OUT_OF_RANGE" | "NOT_REAL";

export type ArithmeticResult = Amount | ArithmeticFault;

export const isFault = (result: ArithmeticResult): result is ArithmeticFault =>
  typeof result === "string";

const LARGEST = decimal(`1e${MAGNITUDE_EXPONENT_MAX}`);
const MINUS_LARGEST = LARGEST.neg();
const SMALLEST = decimal(`1e-${MAGNITUDE_EXPONENT_MAX}`);
const MINUS_SMALLEST = SMALLEST.neg();

/** Holds a number to the range of `MAGNITUDE_EXPONENT_MAX`. */
export const inRange = (amount: Decimal): Decimal | "OUT_OF_RANGE" => {
  if (amount.lt(LARGEST) && amount.gt(MINUS_LARGEST)) {
    return amount.lt(SMALLEST) && amount.gt(MINUS_SMALLEST) ? zero : amount;
  }
  return "OUT_OF_RANGE"; // also where a comparison with NaN ends
};

export const add = (a: Amount, b: Amount): ArithmeticResult =>
  inRange(toDecimal(a).plus(toDecimal(b)));

export const subtract = (a: Amount, b: Amount): ArithmeticResult =>
  inRange(toDecimal(a).minus(toDecimal(b)));

export const multiply = (a: Amount, b: Amount): ArithmeticResult =>
  inRange(toDecimal(a).times(toDecimal(b)));

export const divide = (a: Amount, b: Amount): ArithmeticResult => {
  const divisor = toDecimal(b);
  return divisor.isZero() ? "DIVISION_BY_ZERO" : inRange(toDecimal(a).div(divisor));
};

/** The exact rest of a division that truncates: it has the sign of the dividend. */
export const truncatedRemainder = (a: Amount, b: Amount): ArithmeticResult => {
  const [dividend, divisor] = [digitsOf(toDecimal(a)), digitsOf(toDecimal(b))];
  if (divisor.coefficient === 0n) return "DIVISION_BY_ZERO";
  const scale = Math.max(dividend.scale, divisor.scale);
  const coefficient = coefficientAt(dividend, scale) % coefficientAt(divisor, scale);
  return inRange(decimalOf({ coefficient, scale }));
};

export const negate = (amount: Amount): Amount =>
  typeof amount === "number" ? 0 - amount : amount.neg();

export const absolute = (amount: Amount): Amount =>
  typeof amount === "number" ? Math.abs(amount) : amount.abs();

/** Negative, zero or positive, as `a` is below, equal to or above `b`. */
export const compare = (a: Amount, b: Amount): number =>
  typeof a === "number" && typeof b === "number" ? a - b : toDecimal(a).cmp(toDecimal(b));

export type Rounding = "FLOOR" | "CEILING" | "HALF_AWAY_FROM_ZERO" | "HALF_UPWARD";

/** A multiple of 10^-scale: two decimals at scale 2, hundreds at scale -2. */
export const roundTo = (amount: Amount, scale: number, rounding: Rounding): ArithmeticResult => {
  if (typeof amount === "number" && scale >= 0) return amount;
  const digits = digitsOf(toDecimal(amount));
  if (digits.scale <= scale) return amount;
  const step = 10n ** BigInt(digits.scale - scale);
  const coefficient = quotient(digits.coefficient, step, rounding);
  return inRange(decimalOf({ coefficient, scale }));
};

const quotient = (dividend: bigint, step: bigint, rounding: Rounding): bigint => {
  const floor = dividend / step - (dividend < 0n && dividend % step !== 0n ? 1n : 0n);
  const above = dividend - floor * step;
  switch (rounding) {
    case "FLOOR":
      return floor;
    case "CEILING":
      return above === 0n ? floor : floor + 1n;
    case "HALF_UPWARD":
      return 2n * above >= step ? floor + 1n : floor;
    case "HALF_AWAY_FROM_ZERO":
      return 2n * above > step || (2n * above === step && dividend > 0n) ? floor + 1n : floor;
  }
};

/** coefficient × 10^-scale */
export interface Digits {
  readonly coefficient: bigint;
  readonly scale: number;
}

export const digitsOf = (amount: Decimal): Digits => {
  const text = amount.toString();
  const point = text.indexOf(".");
  if (point === -1) return { coefficient: BigInt(text), scale: 0 };
  const coefficient = BigInt(text.slice(0, point) + text.slice(point + 1));
  return { coefficient, scale: text.length - point - 1 };
};

export const decimalOf = ({ coefficient, scale }: Digits): Decimal =>
  decimal(`${coefficient}e${-scale}`);

/** The coefficient that a number has at a scale no smaller than its own. */
const coefficientAt = (digits: Digits, scale: number): bigint =>
  digits.coefficient * 10n ** BigInt(scale - digits.scale);

const NUMBER = /^[+-]?(?<whole>\d*)(?:\.(?<fraction>\d+))?(?:[eE][+-]?\d{1,5})?$/;
const OUTER_ZEROS = /^0+|0+$/g;

/** Reads a written number; undefined when it is none, has too many digits or is out of range. */
export const amountOf = (text: string): Amount | undefined => {
  if (text.length > NUMBER_LENGTH_MAX) return undefined;
  const match = NUMBER.exec(text);
  const digits = (match?.groups?.["whole"] ?? "") + (match?.groups?.["fraction"] ?? "");
  if (digits === "" || digits.replace(OUTER_ZEROS, "").length > DIGITS_MAX) return undefined;
  const amount = inRange(decimal(text));
  return amount === "OUT_OF_RANGE" ? undefined : compact(amount);
};

/** Takes a number from outside; undefined when it is not finite or out of range. */
export const amountFrom = (input: number | Decimal): Amount | undefined => {
  if (input instanceof Decimal) {
    const amount = inRange(input);
    return amount === "OUT_OF_RANGE" ? undefined : amount;
  }
  if (Number.isSafeInteger(input)) return input + 0; // -0 + 0 is 0
  return Number.isFinite(input) ? decimal(input) : undefined;
};

/** The same number without the cost of a Decimal, where it is a safe integer. */
export const compact = (amount: Decimal): Amount => {
  const number = amount.toNumber();
  return Number.isSafeInteger(number) && amount.eq(decimal(number)) ? number + 0 : amount;
};
