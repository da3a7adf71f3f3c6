import type { Decimal } from "@turnpike/engine/exact/decimal.ts";

/** The decimal that a JSON number was written as: `mantissa × 10^-scale`, both integers. */
export interface DecimalParts {
  /** Below 10^17 in size, so it fits 64 bits. */
  mantissa: bigint;
  /** -308 to 340. */
  scale: number;
}

/** Products up to here are exact enough that rounding them finds the digits (15 decimal digits). */
const fastMantissaMax = 1e15;
const powersOfTen = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];

/**
 * The smallest scale up to 12 whose mantissa, of at most 15 digits, stands for exactly this double; -1 if there is none.
 * Fifteen digits name a double uniquely, so a quotient that gives the double back proves the digits.
 */
export const shortScale = (value: number): number => {
  for (let scale = 0; scale < powersOfTen.length; scale++) {
    const power = powersOfTen[scale] ?? 1;
    const mantissa = Math.round(value * power);
    if (Math.abs(mantissa) > fastMantissaMax) return -1;
    if (mantissa / power === value) return scale;
  }
  return -1;
};

/** The mantissa at a scale that `shortScale` returned. */
export const shortMantissa = (value: number, scale: number): number =>
  Math.round(value * (powersOfTen[scale] ?? 1));

/**
 * The decimal of the shortest text that reads back as this double, which is what a client wrote if it wrote at most 15
 * significant digits. Trailing zeros go into the scale, so equal numbers have equal parts.
 */
export const decimalParts = (value: number): DecimalParts => {
  const scale = shortScale(value);
  if (scale >= 0) return { mantissa: BigInt(shortMantissa(value, scale)), scale };
  const [digits = "0", exponent = "0"] = value.toString().split("e");
  const [whole = "0", fraction = ""] = digits.split(".");
  const all = whole + fraction;
  const kept = all.replace(/0+$/, "");
  return {
    mantissa: BigInt(kept),
    scale: fraction.length - Number(exponent) - (all.length - kept.length),
  };
};

/** As many digits as a 64-bit integer surely holds; derived values keep so many ([R], m3ter semantics 4). */
const keptDigits = 18;

/** The parts of a calculated decimal, half away from zero at 18 significant digits, without trailing zeros. */
export const partsOf = ({ coefficient, scale }: Decimal): DecimalParts => {
  const isNegative = coefficient < 0n;
  let mantissa = isNegative ? -coefficient : coefficient;
  let kept = scale;
  const excess = mantissa.toString().length - keptDigits;
  if (excess > 0) {
    const power = 10n ** BigInt(excess);
    mantissa = (mantissa * 2n + power) / (power * 2n);
    kept -= excess;
  }
  for (; kept > 0 && mantissa % 10n === 0n; kept--) mantissa /= 10n;
  return { mantissa: isNegative ? -mantissa : mantissa, scale: kept };
};
