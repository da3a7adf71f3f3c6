import { decimal } from "../exact/decimal.ts";
import { type Ladder, subtotalsBy } from "../pricing/bands.ts";
import { unitsOf, type UnitScale } from "../pricing/units.ts";
import { quantityScale, toAtoms } from "./asset.ts";
import type { Tariff } from "./price.ts";

const half = decimal("0.5");

/** The bill's own band code as the price of an authorization. */
export const ladderTariff = (version: string, ladder: Ladder, units: UnitScale): Tariff => {
  const subtotal = subtotalsBy(ladder);
  return {
    version,
    limits: ladder.bands.map((band) =>
      toAtoms(band.lowerLimit.times(units.quantityPerUnit), quantityScale),
    ),
    steps:
      units.rounding === "NONE"
        ? null
        : {
            length: units.quantityPerUnit,
            phase: units.rounding === "NEAREST" ? units.quantityPerUnit.times(half) : decimal(0),
          },
    total: (quantity) => subtotal(unitsOf(quantity, units)),
  };
};
