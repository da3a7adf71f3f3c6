import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { decimalParts } from "./decimal-parts.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 1000);

const expectExact = (value: number): void => {
  const { mantissa, scale } = decimalParts(value);
  expect(decimal(`${mantissa}e${-scale}`).eq(decimal(value))).toBe(true);
  expect(BigInt.asIntN(64, mantissa)).toBe(mantissa);
  expect(scale === 0 || mantissa % 10n !== 0n).toBe(true);
};

test("any finite double keeps its digits", () => {
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), expectExact), {
    numRuns: runs,
  });
});

test("any decimal a client writes keeps its digits", () => {
  const written = fc.tuple(fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }), fc.nat(20));
  fc.assert(
    fc.property(written, ([digits, scale]) => expectExact(Number(`${digits}e-${scale}`))),
    { numRuns: runs },
  );
});

test.each([
  [0, 0n, 0],
  [-0, 0n, 0],
  [0.1, 1n, 1],
  [1200, 1200n, 0],
  [-1234567.123456789, -1_234_567_123_456_789n, 9],
  [1e21, 1n, -21],
  [5e-324, 5n, 324],
  [1.7976931348623157e308, 17_976_931_348_623_157n, -292],
  [9007199254740994, 9_007_199_254_740_994n, 0],
  [0.30000000000000004, 30_000_000_000_000_004n, 17],
])("%d is %d with scale %d", (value, mantissa, scale) => {
  expect(decimalParts(value)).toEqual({ mantissa, scale });
});
