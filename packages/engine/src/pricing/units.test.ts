import { expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { unitsOf, type UnitRounding } from "./units.ts";

const rows: readonly (readonly [string, string, UnitRounding, string])[] = [
  // Documented: 48,900 / 500 = 97.8, rounded up.
  ["48900", "500", "UP", "98"],
  ["48900", "500", "DOWN", "97"],
  ["48900", "500", "NEAREST", "98"],
  ["48900", "500", "NONE", "97.8"],
  // Documented: 5.1 → 5 and 3.5 → 4.
  ["5.1", "1", "NEAREST", "5"],
  ["3.5", "1", "NEAREST", "4"],
  // Below zero as Java's RoundingMode ([R]).
  ["-3.2", "1", "UP", "-4"],
  ["-3.8", "1", "DOWN", "-3"],
  ["-3.5", "1", "NEAREST", "-4"],
  // 1 / 3 does not end; rounding up sees that something is left.
  ["1", "3", "UP", "1"],
  ["2000000", "1000000", "UP", "2"],
];

test.each(rows)(
  "%s in units of %s, rounded %s, is %s",
  (quantity, quantityPerUnit, rounding, expected) => {
    const scale = { rounding, quantityPerUnit: decimal(quantityPerUnit) };
    expect(unitsOf(decimal(quantity), scale).toString()).toBe(expected);
  },
);

test("the documented sample costs 24.50", () => {
  const scale = { rounding: "UP", quantityPerUnit: decimal(500) } as const;
  expect(unitsOf(decimal(48_900), scale).times(decimal("0.25")).toFixed(2)).toBe("24.50");
});
