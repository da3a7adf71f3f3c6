import { Decimal as Reference } from "decimal.js";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Decimal, decimal } from "../exact/decimal.ts";
import { bounded, divide, isFault, multiply, roundTo, truncatedRemainder } from "./arithmetic.ts";
import { formatDate, parseDate } from "./date-time.ts";
import { environmentOf } from "./environment.ts";
import { evaluate } from "./evaluator.ts";
import { parse } from "./parser.ts";
import { power } from "./power.ts";
import { timestampFormat } from "./rules.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const decimals = (coefficientMax: bigint, scaleMax: number): fc.Arbitrary<Decimal> =>
  fc
    .tuple(fc.bigInt({ min: -coefficientMax, max: coefficientMax }), fc.nat(scaleMax))
    .map(([coefficient, scale]) => new Decimal(coefficient, scale));

const some = decimals(10n ** 24n, 12);
const nonZero = some.filter((value) => !value.isZero());

const numberOf = (result: Decimal | string): Decimal => {
  if (typeof result === "string") throw new Error(result);
  return result;
};

/** A formula of + - * and the fraction that it is worth. */
interface Formula {
  readonly text: string;
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const { formula } = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 3, depthSize: "medium" },
    // Up to 8 factors of 8 digits each: no result has more than 100 digits.
    decimals(10n ** 8n, 3).map((value) => ({
      text: `(${value.toString()})`,
      numerator: value.coefficient,
      denominator: 10n ** BigInt(value.scale),
    })),
    fc
      .tuple(fc.constantFrom("+", "-", "*"), tie("formula"), tie("formula"))
      .map(([operator, a, b]) => ({
        text: `(${a.text} ${operator} ${b.text})`,
        numerator:
          operator === "*"
            ? a.numerator * b.numerator
            : a.numerator * b.denominator +
              (operator === "+" ? 1n : -1n) * b.numerator * a.denominator,
        denominator: a.denominator * b.denominator,
      })),
  ),
}));

test("sums, differences and products are what fractions of whole numbers say", () => {
  fc.assert(
    fc.property(formula, ({ text, numerator, denominator }) => {
      const parsing = parse(text);
      if (!parsing.ok) throw new Error(parsing.error.message);
      const evaluation = evaluate(parsing.calculation, environmentOf(new Map()));
      if (!evaluation.ok || !(evaluation.value instanceof Decimal)) throw new Error(text);
      const { coefficient, scale } = evaluation.value;
      expect(coefficient * denominator).toBe(numerator * 10n ** BigInt(scale));
    }),
    { numRuns },
  );
});

test("a number too long keeps 100 digits, rounded half-up", () => {
  fc.assert(
    fc.property(decimals(10n ** 300n, 400), (value) => {
      const result = bounded(value);
      const exact = new Reference(value.toString()).toSignificantDigits(
        100,
        Reference.ROUND_HALF_UP,
      );
      const whole = new Reference(value.toString()).abs().gte("1e100");
      const expected = whole ? value.toInteger("HALF_UP") : decimal(exact.toFixed());
      expect(numberOf(result).toString()).toBe(expected.toString());
    }),
    { numRuns },
  );
});

test("quotient times divisor is the dividend, to the last of 99 digits", () => {
  fc.assert(
    fc.property(some, nonZero, (a, b) => {
      const quotient = numberOf(divide(a, b));
      const error = quotient.times(b).minus(a).abs();
      expect(error.lte(a.abs().times(decimal("1e-98")))).toBe(true);
    }),
    { numRuns },
  );
});

test("a remainder is what is left of the dividend after whole divisors", () => {
  fc.assert(
    fc.property(some, nonZero, (a, b) => {
      const rest = numberOf(truncatedRemainder(a, b));
      expect(rest.abs().lt(b.abs())).toBe(true);
      expect(rest.isZero() || rest.isNegative() === a.isNegative()).toBe(true);
      const times = a.minus(rest).div(b);
      expect(times.round(0, "UNNECESSARY")).toBeDefined();
    }),
    { numRuns },
  );
});

const Wide = Reference.clone({ precision: 60 });

test("rounding agrees with decimal.js", () => {
  const modes = [
    ["FLOOR", Reference.ROUND_FLOOR],
    ["CEILING", Reference.ROUND_CEIL],
    ["HALF_UP", Reference.ROUND_HALF_UP],
  ] as const;
  fc.assert(
    fc.property(
      some,
      fc.integer({ min: -26, max: 14 }),
      fc.constantFrom(...modes),
      (value, scale, [mode, reference]) => {
        const step = new Wide(`1e${-scale}`);
        const steps = new Wide(value.toString()).div(step).toDecimalPlaces(0, reference);
        expect(numberOf(roundTo(value, scale, mode)).eq(decimal(steps.times(step).toFixed()))).toBe(
          true,
        );
      },
    ),
    { numRuns },
  );
});

test("a whole power is the product of so many factors", () => {
  fc.assert(
    fc.property(decimals(999n, 2), fc.nat(30), (base, exponent) => {
      let product = decimal(1);
      for (let count = 0; count < exponent; count += 1) product = product.times(base);
      expect(numberOf(power(base, decimal(exponent))).eq(product)).toBe(true);
    }),
    { numRuns },
  );
});

test("a power with a fraction agrees with decimal.js to 33 digits", () => {
  const positive = decimals(10n ** 12n, 9).filter((value) => value.isPositive());
  fc.assert(
    fc.property(positive, fc.integer({ min: -50_000, max: 50_000 }), (base, thousandths) => {
      const exponent = new Decimal(BigInt(thousandths), 3);
      const expected = new Wide(base.toString()).pow(exponent.toString());
      const result = new Wide(numberOf(power(base, exponent)).toString());
      expect(result.minus(expected).abs().lte(expected.times("1e-33"))).toBe(true);
    }),
    { numRuns },
  );
});

test("products never grow beyond their bounds", () => {
  fc.assert(
    fc.property(fc.array(decimals(10n ** 90n, 600), { maxLength: 12 }), (factors) => {
      let product: Decimal | "OUT_OF_RANGE" = decimal(1);
      for (const factor of factors) {
        const next = multiply(product, factor);
        if (isFault(next)) return;
        product = next;
        expect(product.toString().length).toBeLessThan(1110);
      }
    }),
    { numRuns },
  );
});

test("a formatted instant is read back, and is written as Temporal writes it", () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (epochMs) => {
      const text = formatDate(decimal(epochMs), timestampFormat);
      if (!text.ok) throw new Error(text.problem);
      const instant = Temporal.Instant.fromEpochMilliseconds(epochMs);
      expect(text.value).toBe(instant.toString({ smallestUnit: "millisecond" }));
      const parsed = parseDate(text.value, [timestampFormat]);
      expect(parsed.ok ? parsed.value.toNumber() : parsed.problem).toBe(epochMs);
    }),
    { numRuns },
  );
});
