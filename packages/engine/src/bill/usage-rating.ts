/** Quantity → units → bands for one pricing on one bill, before it becomes lines. */

import { type Decimal, zero } from "../exact/decimal.ts";
import { type BandUsage, priceUnits, subtotalOf } from "../pricing/bands.ts";
import { unitsOf } from "../pricing/units.ts";
import { type Derivation } from "./derivation.ts";
import type { BillFacts } from "./facts.ts";
import type { LineBandUsage } from "./line.ts";
import type { BillFailure } from "./printing.ts";
import { measuredQuantity } from "./quantities.ts";
import { spanBeginning, spanPrice } from "./rules.ts";
import { beforeKey, isFirstOfSpan, type PricedUsage } from "./usage-windows.ts";

export interface RatedUsage {
  readonly quantity: Decimal;
  readonly units: Decimal;
  readonly exact: Decimal;
  readonly bandUsage: readonly LineBandUsage[];
  readonly derivation: Derivation;
}

/** The raw quantity behind each band; the last one takes what rounding to units left over ([R], 10.3). */
export const lineBands = (
  usages: readonly BandUsage[],
  quantity: Decimal,
  quantityPerUnit: Decimal,
): readonly LineBandUsage[] => {
  let rest = quantity;
  return usages.map(({ band, bandUnits, unitSubtotal, bandSubtotal }, index) => {
    const isLast = index === usages.length - 1;
    const bandQuantity = isLast ? rest : bandUnits.times(quantityPerUnit);
    rest = rest.minus(bandQuantity);
    return {
      pricingBandId: band.id,
      lowerLimit: band.lowerLimit,
      fixedPrice: band.fixedPrice,
      unitPrice: band.unitPrice,
      bandUnits,
      bandQuantity,
      unitSubtotal,
      bandSubtotal,
      convertedBandSubtotal: bandSubtotal,
    };
  });
};

/** Bands of what a position on the ladder costs beyond an earlier one. */
export const bandsBetween = (
  before: readonly BandUsage[],
  through: readonly BandUsage[],
): readonly BandUsage[] => {
  const longer = through.length >= before.length ? through : before;
  return longer.flatMap(({ band }, index) => {
    const a = before[index];
    const b = through[index];
    const bandUnits = (b?.bandUnits ?? zero).minus(a?.bandUnits ?? zero);
    const bandSubtotal = (b?.bandSubtotal ?? zero).minus(a?.bandSubtotal ?? zero);
    const unitSubtotal = (b?.unitSubtotal ?? zero).minus(a?.unitSubtotal ?? zero);
    const isUntouched = bandUnits.isZero() && bandSubtotal.isZero();
    return isUntouched ? [] : [{ band, bandUnits, unitSubtotal, bandSubtotal }];
  });
};

/** A price of this bill's usage alone, less the units that a grant gave. */
export const rateQuantity = (
  { pricing }: PricedUsage,
  quantity: Decimal,
  grantedUnits: Decimal,
): RatedUsage => {
  const { aggregation: scale } = pricing;
  const units = unitsOf(quantity, scale).minus(grantedUnits);
  const bands = priceUnits(pricing, units);
  const rest = quantity.minus(grantedUnits.times(scale.quantityPerUnit));
  return {
    quantity,
    units,
    exact: subtotalOf(bands),
    bandUsage: lineBands(bands, grantedUnits.isZero() ? quantity : rest, scale.quantityPerUnit),
    derivation: {
      how: "PRICED_QUANTITY",
      quantity,
      scale: { rounding: scale.rounding, quantityPerUnit: scale.quantityPerUnit },
      grantedUnits,
      ladder: { cumulative: pricing.cumulative, bands: pricing.bands },
    },
  };
};

/** What the plan's usage came to before the window; null where the window is the first of its span. */
const spanBefore = (facts: BillFacts, usage: PricedUsage): Decimal | null | BillFailure =>
  isFirstOfSpan(usage) ? null : measuredQuantity(facts, beforeKey(usage), usage.pricing);

/** The units of the bill's own period, which a grant may give. */
export const unitsOfPeriod = (
  facts: BillFacts,
  usage: PricedUsage,
): Decimal | null | BillFailure => {
  const { pricing, key } = usage;
  const through = measuredQuantity(facts, key, pricing);
  if (through === null || "failure" in through) return through;
  const before = pricing.tiersSpanPlan ? spanBefore(facts, usage) : null;
  if (before !== null && "failure" in before) return before;
  const unitsThrough = unitsOf(through, pricing.aggregation);
  return before === null ? unitsThrough : unitsThrough.minus(unitsOf(before, pricing.aggregation));
};

/** tiersSpanPlan: this period's share of what the plan's whole usage costs (m3ter semantics 10.4). */
const rateSpan = (
  facts: BillFacts,
  usage: PricedUsage,
  { through, grantedUnits }: { readonly through: Decimal; readonly grantedUnits: Decimal },
): RatedUsage | null | BillFailure => {
  const { pricing } = usage;
  const { aggregation: scale } = pricing;
  const before = spanBefore(facts, usage);
  if (before !== null && "failure" in before) return before;
  if (before?.eq(through) === true) return null;
  const unitsBefore = spanBeginning(before === null ? null : unitsOf(before, scale), grantedUnits);
  const unitsThrough = unitsOf(through, scale);
  const units = unitsThrough.minus(unitsBefore ?? zero);
  const exact = spanPrice(pricing, unitsBefore, unitsThrough);
  const billed = unitsBefore === null ? [] : priceUnits(pricing, unitsBefore);
  const reached = priceUnits(pricing, unitsThrough);
  const bands = pricing.cumulative
    ? bandsBetween(billed, reached)
    : reached.map(({ band }) => ({
        band,
        bandUnits: units,
        unitSubtotal: units.times(band.unitPrice),
        bandSubtotal: exact,
      }));
  const quantity = through.minus(before ?? zero);
  const rest = quantity.minus(grantedUnits.times(scale.quantityPerUnit));
  return {
    quantity,
    units,
    exact,
    bandUsage: lineBands(bands, grantedUnits.isZero() ? quantity : rest, scale.quantityPerUnit),
    derivation: {
      how: "SPANNING_QUANTITY",
      before,
      through,
      grantedUnits,
      scale: { rounding: scale.rounding, quantityPerUnit: scale.quantityPerUnit },
      ladder: { cumulative: pricing.cumulative, bands: pricing.bands },
    },
  };
};

/** What the usage costs; null when nothing was measured. */
export const rateUsage = (
  facts: BillFacts,
  usage: PricedUsage,
  grantedUnits: Decimal = zero,
): RatedUsage | null | BillFailure => {
  const quantity = measuredQuantity(facts, usage.key, usage.pricing);
  if (quantity === null || "failure" in quantity) return quantity;
  return usage.pricing.tiersSpanPlan
    ? rateSpan(facts, usage, { through: quantity, grantedUnits })
    : rateQuantity(usage, quantity, grantedUnits);
};
