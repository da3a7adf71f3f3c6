import { type Decimal } from "../exact/decimal.ts";

/** How an aggregation rounds its quotient to units; NONE keeps the fraction. */
export type UnitRounding = "UP" | "DOWN" | "NEAREST" | "NONE";

export interface UnitScale {
  readonly rounding: UnitRounding;
  /** Above zero: so much quantity makes one unit. */
  readonly quantityPerUnit: Decimal;
}

/**
 * Units that are priced: quantity / quantityPerUnit, rounded (m3ter semantics 6.3). Below zero the
 * modes are Java's: UP away from zero, DOWN toward zero, NEAREST half away from zero ([R]).
 */
export const unitsOf = (quantity: Decimal, scale: UnitScale): Decimal => {
  const raw = quantity.div(scale.quantityPerUnit);
  switch (scale.rounding) {
    case "UP":
      return raw.toInteger("UP");
    case "DOWN":
      return raw.toInteger("DOWN");
    case "NEAREST":
      return raw.toInteger("HALF_UP");
    case "NONE":
      return raw;
  }
};
