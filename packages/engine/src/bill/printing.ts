import { type Decimal, one } from "../exact/decimal.ts";
import { averageUnitPrice } from "../pricing/bands.ts";
import { defaultCurrencyPolicy, roundMoney } from "../pricing/rounding.ts";
import type { BillTerms } from "./facts.ts";
import type { Line, LineBandUsage, LineDraft, PrintedMoney } from "./line.ts";

/** Why a bill cannot be made. It is then not made at all: no bill is better than a wrong one. */
export type BillFailure =
  | { readonly failure: "MISSING_CONVERSION_RATE"; readonly from: string; readonly to: string }
  | { readonly failure: "UNKNOWN_CURRENCY"; readonly currency: string }
  | {
      readonly failure: "ROUNDING_NECESSARY";
      readonly currency: string;
      readonly amount: Decimal;
    }
  | { readonly failure: "MISSING_QUANTITY"; readonly windowKey: string }
  | {
      readonly failure: "CALCULATION_ERROR";
      readonly windowKey: string;
      readonly message: string;
    };

export type Money = { readonly amount: Decimal } | BillFailure;

/** The amount as the currency prints it. */
export const printMoney = (terms: BillTerms, exact: Decimal, currency: string): Money => {
  const policy = terms.currencies.find(({ code }) => code === currency);
  if (policy === undefined) return { failure: "UNKNOWN_CURRENCY", currency };
  const amount = roundMoney(exact, policy);
  return amount === undefined
    ? { failure: "ROUNDING_NECESSARY", currency, amount: exact }
    : { amount };
};

/** An amount in another currency, by way of the billing currency; undefined when a rate is missing. */
export const exchange = (
  terms: BillTerms,
  amount: Decimal,
  currencies: { readonly from: string; readonly to: string },
): Decimal | undefined => {
  if (currencies.from === currencies.to) return amount;
  const from = conversionRate(terms, currencies.from);
  const to = conversionRate(terms, currencies.to);
  return from === undefined || to === undefined || to.isZero()
    ? undefined
    : amount.times(from).div(to);
};

interface KnownCurrency {
  readonly code?: string | undefined;
  readonly maxDecimalPlaces: number;
}

/** Decimals that a currency prints; the default's when the currency is unknown. */
export const scaleOf = (
  { currencies }: { readonly currencies: readonly KnownCurrency[] },
  currency: string,
): number =>
  currencies.find(({ code }) => code === currency)?.maxDecimalPlaces ??
  defaultCurrencyPolicy.maxDecimalPlaces;

/** The multiplier into the billing currency; neither inverse nor cross rates are implied ([R], 18.9). */
export const conversionRate = (terms: BillTerms, from: string): Decimal | undefined => {
  if (from === terms.currency) return one;
  return terms.conversions.find((rate) => rate.from === from && rate.to === terms.currency)
    ?.multiplier;
};

/** The line with its money rounded, unless its step has fixed what is printed. */
export const printLine = (terms: BillTerms, line: LineDraft): Line | BillFailure => {
  const printed = line.printed ?? printExact(terms, line);
  if ("failure" in printed) return printed;
  return {
    ...line,
    ...printed,
    bandUsage: convertedBands(line.bandUsage, printed.conversionRate),
    averageUnitPrice: averageUnitPrice(line.exact, line.units),
  };
};

/** The bands with their amounts in the billing currency. */
export const convertedBands = (
  bands: readonly LineBandUsage[],
  rate: Decimal,
): readonly LineBandUsage[] =>
  rate === one
    ? bands
    : bands.map((band) => ({ ...band, convertedBandSubtotal: band.bandSubtotal.times(rate) }));

/**
 * Rounds the line: `subtotal` from the exact amount in the pricing currency, `convertedSubtotal` from
 * the exact amount × rate in the billing currency ([R], m3ter semantics 18.9).
 */
const printExact = (terms: BillTerms, line: LineDraft): PrintedMoney | BillFailure => {
  const rate = conversionRate(terms, line.currency);
  if (rate === undefined) {
    return { failure: "MISSING_CONVERSION_RATE", from: line.currency, to: terms.currency };
  }
  const subtotal = printMoney(terms, line.exact, line.currency);
  if ("failure" in subtotal) return subtotal;
  const converted =
    line.currency === terms.currency
      ? subtotal
      : printMoney(terms, line.exact.times(rate), terms.currency);
  if ("failure" in converted) return converted;
  return {
    subtotal: subtotal.amount,
    conversionRate: rate,
    convertedSubtotal: converted.amount,
  };
};
