/** The eight rounding modes of a currency, named and defined as in Java's RoundingMode. */
export const roundingModes = [
  "UP",
  "DOWN",
  "CEILING",
  "FLOOR",
  "HALF_UP",
  "HALF_DOWN",
  "HALF_EVEN",
  "UNNECESSARY",
] as const;
export type RoundingMode = (typeof roundingModes)[number];

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

/** Whether the quotient, cut off toward zero, moves one step away from zero. */
const movesAwayFromZero = (
  mode: Exclude<RoundingMode, "UNNECESSARY">,
  cut: { negative: boolean; odd: boolean; half: number },
): boolean => {
  switch (mode) {
    case "UP":
      return true;
    case "DOWN":
      return false;
    case "CEILING":
      return !cut.negative;
    case "FLOOR":
      return cut.negative;
    case "HALF_UP":
      return cut.half >= 0;
    case "HALF_DOWN":
      return cut.half > 0;
    case "HALF_EVEN":
      return cut.half > 0 || (cut.half === 0 && cut.odd);
  }
};

/**
 * numerator / denominator as an integer. Undefined when the mode is UNNECESSARY and the quotient is
 * no integer; the caller decides what that failure means.
 */
export const divideRounded = (
  numerator: bigint,
  denominator: bigint,
  mode: RoundingMode,
): bigint | undefined => {
  const quotient = numerator / denominator;
  const rest = numerator - quotient * denominator;
  if (rest === 0n) return quotient;
  if (mode === "UNNECESSARY") return undefined;
  const negative = numerator < 0n !== denominator < 0n;
  const twice = magnitude(rest) * 2n;
  const whole = magnitude(denominator);
  const half = twice === whole ? 0 : twice > whole ? 1 : -1;
  const odd = (quotient & 1n) === 1n;
  if (!movesAwayFromZero(mode, { negative, odd, half })) return quotient;
  return negative ? quotient - 1n : quotient + 1n;
};
