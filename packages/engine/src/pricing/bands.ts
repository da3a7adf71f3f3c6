import { type Decimal, min, zero } from "../exact/decimal.ts";

/** Band i covers units in (lowerLimit, next lowerLimit]; the first lower limit is 0. */
export interface PricingBand {
  readonly id?: string | undefined;
  readonly lowerLimit: Decimal;
  readonly fixedPrice: Decimal;
  readonly unitPrice: Decimal;
}

/** A price list: graduated (`cumulative`) or by volume, as m3ter semantics 10.2 encodes its five types. */
export interface Ladder {
  readonly cumulative: boolean;
  /** At least one, by ascending lower limit. */
  readonly bands: readonly PricingBand[];
}

/** One band's share of a price. */
export interface BandUsage {
  readonly band: PricingBand;
  readonly bandUnits: Decimal;
  /** bandUnits × unitPrice */
  readonly unitSubtotal: Decimal;
  /** fixedPrice + unitSubtotal */
  readonly bandSubtotal: Decimal;
}

/** Where a price band is applied: so many units in this band, with or without its fixed price. */
const applyBand = (band: PricingBand, bandUnits: Decimal, chargesFixedPrice = true): BandUsage => {
  const unitSubtotal = bandUnits.times(band.unitPrice);
  const bandSubtotal = chargesFixedPrice ? band.fixedPrice.plus(unitSubtotal) : unitSubtotal;
  return { band, bandUnits, unitSubtotal, bandSubtotal };
};

/**
 * The index of the band that covers that many units: the highest one whose lower limit lies below
 * them, so a value equal to a limit belongs to the band beneath (m3ter semantics 10.3).
 */
export const bandIndexAt = (bands: readonly PricingBand[], units: Decimal): number => {
  let index = 0;
  let beyond = bands.length;
  while (beyond - index > 1) {
    const middle = Math.floor((index + beyond) / 2);
    if (bands[middle]?.lowerLimit.lt(units) === true) index = middle;
    else beyond = middle;
  }
  return index;
};

const graduated = (bands: readonly PricingBand[], units: Decimal): readonly BandUsage[] => {
  const usages: BandUsage[] = [];
  for (const [index, band] of bands.entries()) {
    if (index > 0 && units.lte(band.lowerLimit)) break;
    const upperLimit = bands[index + 1]?.lowerLimit;
    const reached = upperLimit === undefined ? units : min(units, upperLimit);
    usages.push(applyBand(band, reached.minus(band.lowerLimit)));
  }
  return usages;
};

const volume = (bands: readonly PricingBand[], units: Decimal): readonly BandUsage[] => {
  const band = bands[bandIndexAt(bands, units)];
  return band === undefined ? [] : [applyBand(band, units)];
};

/** Units below zero are corrections: first band's unit price, no fixed price ([R], 10.3). */
const correction = (bands: readonly PricingBand[], units: Decimal): readonly BandUsage[] => {
  const [first] = bands;
  return first === undefined ? [] : [applyBand(first, units, false)];
};

/**
 * The price of so many units, band by band (m3ter semantics 10.3). Zero units still pay the first
 * band's fixed price ([R]); "no usage at all" is the caller's case and has no price.
 */
export const priceUnits = (ladder: Ladder, units: Decimal): readonly BandUsage[] => {
  if (units.isNegative()) return correction(ladder.bands, units);
  return ladder.cumulative ? graduated(ladder.bands, units) : volume(ladder.bands, units);
};

export const subtotalOf = (usages: readonly BandUsage[]): Decimal =>
  usages.reduce((total, usage) => total.plus(usage.bandSubtotal), zero);

/** What all bands beneath each of them cost together. */
const costsBeneath = (bands: readonly PricingBand[]): readonly Decimal[] => {
  const costs: Decimal[] = [];
  let cost = zero;
  for (const [index, band] of bands.entries()) {
    costs.push(cost);
    const upperLimit = bands[index + 1]?.lowerLimit ?? band.lowerLimit;
    cost = cost.plus(applyBand(band, upperLimit.minus(band.lowerLimit)).bandSubtotal);
  }
  return costs;
};

/**
 * The subtotal of `priceUnits` for one ladder again and again: a call in the ten-thousandth band of a price list takes no longer
 * than one in the first.
 */
export const subtotalsBy = (ladder: Ladder): ((units: Decimal) => Decimal) => {
  const { bands, cumulative } = ladder;
  const costs = cumulative ? costsBeneath(bands) : [];
  return (units) => {
    const index = bandIndexAt(bands, units);
    const [band, beneath] = [bands[index], costs[index]];
    if (band === undefined || beneath === undefined || units.isNegative())
      return subtotalOf(priceUnits(ladder, units));
    return beneath.plus(applyBand(band, units.minus(band.lowerLimit)).bandSubtotal);
  };
};

/**
 * What the units between two positions on the ladder cost: the price of a call at the position where
 * the period stands. From 0, where nothing is charged yet, it is the whole price, flat fee included.
 */
export const priceBetween = (ladder: Ladder, from: Decimal, to: Decimal): Decimal => {
  const upTo = subtotalOf(priceUnits(ladder, to));
  return from.isZero() ? upTo : upTo.minus(subtotalOf(priceUnits(ladder, from)));
};

/** An average is for reading; nothing is computed from it. */
const averageDecimals = 20;

/** Subtotal per unit; 0 when there are no units ([R], 10.3). */
export const averageUnitPrice = (subtotal: Decimal, units: Decimal): Decimal =>
  units.isZero() ? zero : subtotal.divTo(units, averageDecimals);

/**
 * How many units a graduated price gives for that amount: the most whose price does not exceed it
 * (m3ter semantics 15.6). Undefined when there is no limit, because the last band costs nothing.
 */
export const unitsWorth = (bands: readonly PricingBand[], amount: Decimal): Decimal | undefined => {
  let rest = amount;
  for (const [index, band] of bands.entries()) {
    rest = rest.minus(band.fixedPrice);
    if (rest.isNegative()) return band.lowerLimit;
    const upperLimit = bands[index + 1]?.lowerLimit;
    const affordable = band.unitPrice.isPositive()
      ? band.lowerLimit.plus(rest.div(band.unitPrice))
      : undefined;
    if (upperLimit === undefined) return affordable;
    if (affordable?.lt(upperLimit) === true) return affordable;
    rest = rest.minus(upperLimit.minus(band.lowerLimit).times(band.unitPrice));
  }
  return undefined;
};
