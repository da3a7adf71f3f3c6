import { decimal } from "../exact/decimal.ts";
import { priceUnits, subtotalOf, type Ladder } from "../pricing/bands.ts";
import { unitsOf, type UnitScale } from "../pricing/units.ts";
import type { Tariff } from "./price.ts";

const half = decimal("0.5");

/** The bill's own band code as the price of an authorization. */
export const ladderTariff = (version: string, ladder: Ladder, units: UnitScale): Tariff => ({
  version,
  limits: ladder.bands.map((band) => band.lowerLimit.times(units.quantityPerUnit)),
  steps:
    units.rounding === "NONE"
      ? null
      : {
          length: units.quantityPerUnit,
          phase: units.rounding === "NEAREST" ? units.quantityPerUnit.times(half) : decimal(0),
        },
  total: (quantity) => subtotalOf(priceUnits(ladder, unitsOf(quantity, units))),
});
