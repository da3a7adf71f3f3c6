import { Decimal as Reference } from "decimal.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Decimal, decimal } from "./decimal.ts";
import { divideRounded, type RoundingMode } from "./rounding.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const Exact = Reference.clone({
  precision: 100,
  rounding: Reference.ROUND_HALF_UP,
  toExpNeg: -1000,
  toExpPos: 1000,
});

const decimalText = fc
  .tuple(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), fc.integer({ min: -6, max: 20 }))
  .map(([coefficient, scale]) => `${coefficient}e${-scale}`);

const referenceModes: readonly [RoundingMode, Reference.Rounding][] = [
  ["UP", Reference.ROUND_UP],
  ["DOWN", Reference.ROUND_DOWN],
  ["CEILING", Reference.ROUND_CEIL],
  ["FLOOR", Reference.ROUND_FLOOR],
  ["HALF_UP", Reference.ROUND_HALF_UP],
  ["HALF_DOWN", Reference.ROUND_HALF_DOWN],
  ["HALF_EVEN", Reference.ROUND_HALF_EVEN],
];

/** decimal.js writes a negative zero; we have only one zero. */
const referenceText = (value: Reference): string => (value.isZero() ? "0" : value.toString());

describe("Decimal agrees with decimal.js", () => {
  const operations: readonly [
    string,
    (a: Decimal, b: Decimal) => Decimal,
    (a: Reference, b: Reference) => Reference,
  ][] = [
    ["plus", (a, b) => a.plus(b), (a, b) => a.plus(b)],
    ["minus", (a, b) => a.minus(b), (a, b) => a.minus(b)],
    ["times", (a, b) => a.times(b), (a, b) => a.times(b)],
    ["div", (a, b) => (b.isZero() ? a : a.div(b)), (a, b) => (b.isZero() ? a : a.div(b))],
    ["neg", (a) => a.neg(), (a) => a.neg()],
    ["abs", (a) => a.abs(), (a) => a.abs()],
  ];

  test.each(operations)("%s", (_name, ours, theirs) => {
    fc.assert(
      fc.property(decimalText, decimalText, (a, b) => {
        const expected = referenceText(theirs(new Exact(a), new Exact(b)));
        expect(ours(decimal(a), decimal(b)).toString()).toBe(expected);
      }),
      { numRuns },
    );
  });

  test("div of what comes out even after about a hundred digits, however it is written", () => {
    const coefficient = fc.bigInt({ min: 10n ** 94n, max: 10n ** 106n });
    const divisor = fc.bigInt({ min: 1n, max: 400n });
    fc.assert(
      fc.property(coefficient, divisor, fc.nat(9), fc.nat(9), (even, by, more, zeros) => {
        const dividend = `${even * by}e-90`;
        const longer = `${even * by * 10n ** BigInt(more)}e-${90 + more}`;
        const expected = referenceText(new Exact(dividend).div(by.toString()));
        for (const text of [dividend, longer]) {
          expect(decimal(text).div(decimal(by)).toString()).toBe(expected);
          const written = decimal(`${by}.${"0".repeat(zeros)}`);
          expect(decimal(text).div(written).toString()).toBe(expected);
        }
      }),
      { numRuns },
    );
  });

  test("cmp and toFixed", () => {
    fc.assert(
      fc.property(decimalText, decimalText, fc.nat(8), (a, b, decimals) => {
        expect(decimal(a).cmp(decimal(b))).toBe(new Exact(a).cmp(new Exact(b)));
        const rounded = new Exact(a).toDecimalPlaces(decimals);
        const expected = rounded.isZero() ? rounded.abs() : rounded;
        expect(decimal(a).toFixed(decimals)).toBe(expected.toFixed(decimals));
      }),
      { numRuns },
    );
  });

  test.each(referenceModes)("round %s", (mode, theirs) => {
    fc.assert(
      fc.property(decimalText, fc.nat(6), (text, scale) => {
        const expected = referenceText(new Exact(text).toDecimalPlaces(scale, theirs));
        expect(decimal(text).round(scale, mode)?.toString()).toBe(expected);
      }),
      { numRuns },
    );
  });

  test("round UNNECESSARY answers only when nothing is lost", () => {
    fc.assert(
      fc.property(decimalText, fc.nat(6), (text, scale) => {
        const value = decimal(text);
        const fits = new Exact(text).decimalPlaces() <= scale;
        expect(value.round(scale, "UNNECESSARY") !== undefined).toBe(fits);
      }),
      { numRuns },
    );
  });

  test("text and number survive the way through", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(decimal(decimal(number).toString()).toNumber()).toBe(number === 0 ? 0 : number);
      }),
      { numRuns },
    );
  });
});

test("divideRounded works for any sign of either operand", () => {
  expect(divideRounded(7n, -2n, "HALF_UP")).toBe(-4n);
  expect(divideRounded(-7n, -2n, "FLOOR")).toBe(3n);
});
