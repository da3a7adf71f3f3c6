import { describe, expect, test } from "vitest";
import { Decimal, decimal } from "../exact/decimal.ts";
import { power } from "./power.ts";

const outcomeOf = (base: string, exponent: string): string => {
  const result = power(decimal(base), decimal(exponent));
  return result instanceof Decimal ? result.toString() : result;
};

describe("a whole exponent", () => {
  test.each([
    ["2", "0", "1"],
    ["0", "0", "1"],
    ["0", "5", "0"],
    ["-2", "3", "-8"],
    ["2", "100", (2n ** 100n).toString()],
    ["3", "200", (3n ** 200n).toString()], // 96 digits
    ["1.05", "30", new Decimal(105n ** 30n, 60).toString()],
    ["4", "-2", "0.0625"],
    ["2", "1.0", "2"],
    ["0", "-1", "DIVISION_BY_ZERO"],
    ["1", "1000000000", "1"],
    ["-1", "999999999", "-1"],
    ["1", "1000000001", "OUT_OF_RANGE"],
    ["9", "387420489", "OUT_OF_RANGE"],
    ["9", "-387420489", "0"],
    ["0.1", "387420489", "0"],
    ["0.1", "-387420489", "OUT_OF_RANGE"],
  ])("%s ^ %s = %s", (base, exponent, outcome) => {
    expect(outcomeOf(base, exponent)).toBe(outcome);
  });
});

// Digits: the square roots and e by their published expansions, rounded half-up at 34.
describe("an exponent with a fraction, to 34 digits", () => {
  test.each([
    ["2", "0.5", "1.414213562373095048801688724209698"],
    ["0.5", "0.5", "0.707106781186547524400844362104849"],
    ["4", "0.5", "2"],
    ["100", "1.5", "1000"],
    ["4", "-0.5", "0.5"],
    ["27", "0.3333333333333333333333333333333333333333333333", "3"],
    ["1e-900", "0.5", `0.${"0".repeat(449)}1`],
    ["0", "0.5", "0"],
    ["1", "999999.5", "1"],
    ["-8", "0.5", "NOT_REAL"],
    ["0", "-0.5", "DIVISION_BY_ZERO"],
    ["10", "1000.5", "OUT_OF_RANGE"],
    ["10", "-1000.5", "0"],
    ["1", "1000000.5", "OUT_OF_RANGE"],
  ])("%s ^ %s = %s", (base, exponent, outcome) => {
    expect(outcomeOf(base, exponent)).toBe(outcome);
  });
});
