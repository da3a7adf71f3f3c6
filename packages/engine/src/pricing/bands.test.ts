import { describe, expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import {
  averageUnitPrice,
  type Ladder,
  priceBetween,
  priceUnits,
  subtotalOf,
  unitsWorth,
} from "./bands.ts";

const ladder = (
  cumulative: boolean,
  ...rows: readonly (readonly [number, string, string])[]
): Ladder => ({
  cumulative,
  bands: rows.map(([lowerLimit, fixedPrice, unitPrice]) => ({
    lowerLimit: decimal(lowerLimit),
    fixedPrice: decimal(fixedPrice),
    unitPrice: decimal(unitPrice),
  })),
});

const storage = [
  [0, "0", "0.15"],
  [500, "0", "0.10"],
] as const;
const stairs = [
  [0, "12", "0"],
  [4, "25", "0"],
  [6, "50", "0"],
] as const;
const custom = [
  [0, "10", "1.00"],
  [100, "5", "0.80"],
] as const;
const seats = [
  [0, "0", "2"],
  [20, "0", "3"],
] as const;

describe("the worked prices of m3ter semantics 10.3 and 13", () => {
  test.each([
    // 500 × 0.15 + 300 × 0.10 = 75 + 30
    ["tiered", ladder(true, ...storage), "800", "105"],
    // All 800 at the price of the band they end in: 800 × 0.10
    ["volume", ladder(false, ...storage), "800", "80"],
    // A limit belongs to the band beneath: "up to 4 s $12, up to 6 s $25, above 6 s $50".
    ["stairstep", ladder(false, ...stairs), "4", "12"],
    ["stairstep", ladder(false, ...stairs), "4.2", "25"],
    ["stairstep", ladder(false, ...stairs), "6", "25"],
    ["stairstep", ladder(false, ...stairs), "7.5", "50"],
    // 10 + 100 × 1.00 + 5 + 50 × 0.80
    ["custom tiered", ladder(true, ...custom), "150", "155"],
    // 5 + 150 × 0.80
    ["custom volume", ladder(false, ...custom), "150", "125"],
    // "up to 20 at $2, 21 and above at $3": 18 × 2; 20 × 2 + 2 × 3
    ["seats", ladder(true, ...seats), "18", "36"],
    ["seats", ladder(true, ...seats), "22", "46"],
    // Exactly at the limit, graduated: the next band is not entered, so its flat fee is not due.
    ["custom tiered", ladder(true, ...custom), "100", "110"],
  ])("%s", (_type, given, units, expected) => {
    expect(subtotalOf(priceUnits(given, decimal(units))).toString()).toBe(expected);
  });
});

describe("beyond the documented cases ([R], 10.3)", () => {
  test("zero units pay the first band's fixed price", () => {
    expect(subtotalOf(priceUnits(ladder(false, ...stairs), decimal(0))).toString()).toBe("12");
    expect(subtotalOf(priceUnits(ladder(true, ...custom), decimal(0))).toString()).toBe("10");
  });

  test("negative units come back at the first unit price, without a fixed price", () => {
    expect(subtotalOf(priceUnits(ladder(true, ...custom), decimal(-3))).toString()).toBe("-3");
    expect(subtotalOf(priceUnits(ladder(false, ...stairs), decimal(-3))).toString()).toBe("0");
  });

  test("the average of no units is 0", () => {
    expect(averageUnitPrice(decimal(12), decimal(0)).toString()).toBe("0");
    expect(averageUnitPrice(decimal(105), decimal(800)).toString()).toBe("0.13125");
  });
});

test("a call costs what it adds at the position where the period stands", () => {
  const given = ladder(true, [0, "0", ".010"], [1000, "0", ".008"]);
  const cost = (from: number, to: number) =>
    priceBetween(given, decimal(from), decimal(to)).toFixed(2);
  // 50 × .010 + 50 × .008, then 100 × .008; together the price of 950 to 1150.
  expect([cost(950, 1050), cost(1050, 1150), cost(950, 1150)]).toEqual(["0.90", "0.80", "1.70"]);
  // From 0 the flat fee of the first band is still to come.
  expect(priceBetween(ladder(true, ...custom), decimal(0), decimal(5)).toString()).toBe("15");
});

test.each([
  // 60 / 0.15; 75 + 20 / 0.10; nothing.
  ["60", "400"],
  ["95", "700"],
  ["0", "0"],
])("%s buys %s units", (amount, expected) => {
  expect(unitsWorth(ladder(true, ...storage).bands, decimal(amount))?.toString()).toBe(expected);
});

test("each band says what it took", () => {
  const usages = priceUnits(ladder(true, ...custom), decimal(150));
  expect(
    usages.map(({ bandUnits, unitSubtotal, bandSubtotal }) =>
      [bandUnits, unitSubtotal, bandSubtotal].join(" "),
    ),
  ).toEqual(["100 100 110", "50 40 45"]);
});
