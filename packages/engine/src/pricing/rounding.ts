import type { Decimal } from "../exact/decimal.ts";
import type { RoundingMode } from "../exact/rounding.ts";

/** How amounts of a currency are printed (m3ter semantics 18.9). */
export interface CurrencyPolicy {
  /** Case-sensitive: `usd` is not `USD`. */
  readonly code: string;
  /** 0 to 5 */
  readonly maxDecimalPlaces: number;
  readonly roundingMode: RoundingMode;
}

/** For a currency record that leaves its policy open ([R], 18.9). */
export const defaultCurrencyPolicy = { maxDecimalPlaces: 2, roundingMode: "HALF_UP" } as const;

/** Undefined when the currency's mode is UNNECESSARY and the amount has too many digits. */
export const roundMoney = (amount: Decimal, policy: CurrencyPolicy): Decimal | undefined =>
  amount.round(policy.maxDecimalPlaces, policy.roundingMode);

/** A `{from, to, multiplier}` of the organization or of the bill run. */
export interface CurrencyConversion {
  readonly from: string;
  readonly to: string;
  readonly multiplier: Decimal;
}
