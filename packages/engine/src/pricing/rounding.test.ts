import { expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import type { RoundingMode } from "../exact/rounding.ts";
import { roundMoney } from "./rounding.ts";

const amounts = ["5.5", "2.5", "1.6", "1.1", "1.0", "-1.0", "-1.1", "-1.6", "-2.5", "-5.5"];

// The table in the documentation of Java's RoundingMode.
const table: readonly (readonly [RoundingMode, string])[] = [
  ["UP", "6 3 2 2 1 -1 -2 -2 -3 -6"],
  ["DOWN", "5 2 1 1 1 -1 -1 -1 -2 -5"],
  ["CEILING", "6 3 2 2 1 -1 -1 -1 -2 -5"],
  ["FLOOR", "5 2 1 1 1 -1 -2 -2 -3 -6"],
  ["HALF_UP", "6 3 2 1 1 -1 -1 -2 -3 -6"],
  ["HALF_DOWN", "5 2 2 1 1 -1 -1 -2 -2 -5"],
  ["HALF_EVEN", "6 2 2 1 1 -1 -1 -2 -2 -6"],
  ["UNNECESSARY", "- - - - 1 -1 - - - -"],
];

test.each(table)("%s", (roundingMode, expected) => {
  const policy = { code: "JPY", maxDecimalPlaces: 0, roundingMode };
  const rounded = amounts.map((amount) => roundMoney(decimal(amount), policy)?.toString() ?? "-");
  expect(rounded.join(" ")).toBe(expected);
});
