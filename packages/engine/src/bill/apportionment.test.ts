import { expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { apportion } from "./apportionment.ts";

const parts = (amount: string, ...weights: readonly number[]) =>
  [
    ...apportion(
      decimal(amount),
      weights.map((weight, index) => ({ id: String(index), weight: decimal(weight) })),
      2,
    ).values(),
  ].map((part) => part.toFixed(2));

test.each([
  // 33.33 each, the cent that is left goes to the heaviest; of equal ones to the first.
  ["100", [1, 1, 1], ["33.34", "33.33", "33.33"]],
  ["100", [1, 1, 2], ["25.00", "25.00", "50.00"]],
  // Thirds of 0.05 are 0.02 each: one cent too many comes off the heaviest.
  ["0.05", [1, 1, 1], ["0.01", "0.02", "0.02"]],
  ["10", [0, 0], ["10.00", "0.00"]],
  ["-10", [1, 3], ["-2.50", "-7.50"]],
])("%s by weights %j", (amount, weights, expected) => {
  expect(parts(amount, ...weights)).toEqual(expected);
});
