import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spanPrice } from "../bill/rules.ts";
import { type Decimal, decimal, sum, zero } from "../exact/decimal.ts";
import {
  bandIndexAt,
  type Ladder,
  priceUnits,
  subtotalOf,
  subtotalsBy,
  unitsWorth,
} from "./bands.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const cents = fc.nat(5000).map((amount) => decimal(amount).div(decimal(100)));
const flatFee = fc.oneof(fc.constant(zero), cents);

/** Up to five bands at whole limits, prices in cents, none below zero. */
const ladderWith = (cumulative: boolean, fixedPrice: fc.Arbitrary<Decimal>): fc.Arbitrary<Ladder> =>
  fc
    .uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 4 })
    .map((limits) => [0, ...limits.toSorted((a, b) => a - b)])
    .chain((limits) =>
      fc.tuple(...limits.map((limit) => fc.tuple(fc.constant(limit), cents, fixedPrice))),
    )
    .map((rows) => ({
      cumulative,
      bands: rows.map(([lowerLimit, unitPrice, fixed]) => ({
        lowerLimit: decimal(lowerLimit),
        unitPrice,
        fixedPrice: fixed,
      })),
    }));

const units = fc.nat(20_000).map((amount) => decimal(amount).div(decimal(100)));
const wholeUnits = fc.nat(120);

const price = (ladder: Ladder, amount: Decimal) => subtotalOf(priceUnits(ladder, amount));

/** The naive price: unit by unit, each at the price of the band in which it lies. */
const unitByUnit = ({ bands }: Ladder, count: number): Decimal => {
  const bandOf = (unit: number) => bands.findLast(({ lowerLimit }) => lowerLimit.lt(decimal(unit)));
  const unitPrices = Array.from({ length: count }, (_, n) => bandOf(n + 1)?.unitPrice ?? zero);
  const fees = bands
    .filter(({ lowerLimit }, index) => index === 0 || lowerLimit.lt(decimal(count)))
    .map(({ fixedPrice }) => fixedPrice);
  return sum([...unitPrices, ...fees]);
};

/** Among them such as lie on a limit, and corrections. */
const anyUnits = fc.oneof(
  units,
  wholeUnits.map(decimal),
  units.map((amount) => zero.minus(amount)),
);
const anyLadder = fc.boolean().chain((cumulative) => ladderWith(cumulative, flatFee));

test("what is worked out for one ladder again and again is what its bands come to", () => {
  fc.assert(
    fc.property(anyLadder, fc.array(anyUnits), (ladder, amounts) => {
      const subtotal = subtotalsBy(ladder);
      for (const amount of amounts)
        expect(subtotal(amount).toString()).toBe(price(ladder, amount).toString());
    }),
    { numRuns },
  );
});

test("the band that covers units is the last one that begins below them", () => {
  fc.assert(
    fc.property(anyLadder, anyUnits, ({ bands }, amount) => {
      const last = bands.findLastIndex(({ lowerLimit }) => lowerLimit.lt(amount));
      expect(bandIndexAt(bands, amount)).toBe(Math.max(0, last));
    }),
    { numRuns },
  );
});

describe("a graduated price", () => {
  test("equals the unit-by-unit price", () => {
    fc.assert(
      fc.property(ladderWith(true, flatFee), wholeUnits, (ladder, count) => {
        expect(price(ladder, decimal(count)).eq(unitByUnit(ladder, count))).toBe(true);
      }),
      { numRuns },
    );
  });

  test("never falls when units rise", () => {
    fc.assert(
      fc.property(ladderWith(true, flatFee), units, units, (ladder, a, b) => {
        const [low, high] = a.lte(b) ? [a, b] : [b, a];
        expect(price(ladder, low).lte(price(ladder, high))).toBe(true);
      }),
      { numRuns },
    );
  });

  test("is continuous where no flat fee stands: a small step costs a small step", () => {
    const step = decimal("0.000001");
    fc.assert(
      fc.property(ladderWith(true, fc.constant(zero)), units, (ladder, at) => {
        const rise = price(ladder, at.plus(step)).minus(price(ladder, at));
        // No unit costs more than 50.
        expect(rise.lte(step.times(decimal(50)))).toBe(true);
      }),
      { numRuns },
    );
  });

  test("does not change when the period is split or usage comes in batches", () => {
    fc.assert(
      fc.property(
        ladderWith(true, flatFee),
        fc.array(units, { minLength: 1, maxLength: 8 }),
        (ladder, batches) => {
          let position: Decimal | null = null;
          let total = zero;
          for (const batch of batches) {
            const next: Decimal = (position ?? zero).plus(batch);
            total = total.plus(spanPrice(ladder, position, next));
            position = next;
          }
          expect(total.eq(price(ladder, sum(batches)))).toBe(true);
        },
      ),
      { numRuns },
    );
  });

  test("gives as many units for an amount as it buys, and not one more", () => {
    const step = decimal("0.000001");
    fc.assert(
      fc.property(ladderWith(true, flatFee), units, (ladder, amount) => {
        const worth = unitsWorth(ladder.bands, amount);
        if (worth === undefined || worth.isZero()) return;
        // The quotient may have been cut at its hundredth digit.
        expect(price(ladder, worth).lte(amount.plus(decimal("1e-90")))).toBe(true);
        expect(price(ladder, worth.plus(step)).gt(amount)).toBe(true);
      }),
      { numRuns },
    );
  });
});

describe("a volume price", () => {
  test("charges all units at the price of the last one", () => {
    fc.assert(
      fc.property(ladderWith(false, flatFee), wholeUnits, (ladder, count) => {
        const at = decimal(count);
        const band =
          ladder.bands.findLast(({ lowerLimit }) => lowerLimit.lt(at)) ?? ladder.bands[0];
        const expected = at.times(band?.unitPrice ?? zero).plus(band?.fixedPrice ?? zero);
        expect(price(ladder, at).eq(expected)).toBe(true);
      }),
      { numRuns },
    );
  });
});

test("the bands of a price add up to its units and its amount", () => {
  fc.assert(
    fc.property(fc.boolean(), ladderWith(true, flatFee), units, (cumulative, ladder, at) => {
      const usages = priceUnits({ ...ladder, cumulative }, at);
      expect(sum(usages.map(({ bandUnits }) => bandUnits)).eq(at)).toBe(true);
      const fees = usages.map(({ band }) => band.fixedPrice);
      const parts = usages.map(({ unitSubtotal }) => unitSubtotal);
      expect(sum([...fees, ...parts]).eq(subtotalOf(usages))).toBe(true);
    }),
    { numRuns },
  );
});
