import type { Decimal } from "../../exact/decimal.ts";
import { type BandUsage, priceUnits, subtotalOf } from "../../pricing/bands.ts";
import { unitsOf } from "../../pricing/units.ts";
import { addLines, type BillStep } from "../draft.ts";
import type { BillFacts, PricingTerms } from "../facts.ts";
import { usageLabels } from "../line-labels.ts";
import type { LineBandUsage, LineDraft } from "../line.ts";
import type { BillFailure } from "../printing.ts";
import { type PricedUsage, pricedUsages } from "../usage-windows.ts";

/** The measured quantity, else the aggregation's default; null means there is nothing to charge. */
export const measuredQuantity = (
  facts: BillFacts,
  windowKey: string,
  pricing: PricingTerms,
): Decimal | null | BillFailure => {
  const answer = facts.quantities[windowKey];
  if (answer === undefined) return { failure: "MISSING_QUANTITY", windowKey };
  if (answer.error !== undefined) {
    return { failure: "CALCULATION_ERROR", windowKey, message: answer.error };
  }
  return answer.quantity ?? pricing.aggregation.defaultValue ?? null;
};

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
    };
  });
};

const usageLine = (facts: BillFacts, usage: PricedUsage): readonly (LineDraft | BillFailure)[] => {
  const { pricing } = usage;
  const quantity = measuredQuantity(facts, usage.key, pricing);
  if (quantity === null) return [];
  if ("failure" in quantity) return [quantity];
  const units = unitsOf(quantity, pricing.aggregation);
  const bands = priceUnits(pricing, units);
  return [
    {
      ...usageLabels(facts, usage),
      key: `USAGE/${usage.key}`,
      lineItemType: "USAGE",
      quantity,
      units,
      exact: subtotalOf(bands),
      bandUsage: lineBands(bands, quantity, pricing.aggregation.quantityPerUnit),
    },
  ];
};

/** Metered usage, one line per account plan, pricing and segment (m3ter semantics 6.3, 10.3). */
export const usageStep: BillStep = (facts, draft) =>
  addLines(
    facts,
    draft,
    pricedUsages(facts)
      .filter(({ pricing }) => pricing.type === "DEBIT")
      .flatMap((usage) => usageLine(facts, usage)),
  );
