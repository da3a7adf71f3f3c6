import * as fc from "fast-check";
import { expect, test } from "vitest";
import { dayCount } from "./day-count.ts";
import {
  compareInstants,
  contains,
  intersection,
  type OpenPeriod,
  splitPeriod,
  withoutPeriods,
} from "./period.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const zeroHour = Temporal.Instant.from("2024-03-29T00:00:00Z");
const at = (hours: number) => zeroHour.add({ hours });
const hoursOf = Array.from({ length: 120 }, (_, hour) => at(hour));

const period = fc
  .tuple(fc.nat(119), fc.nat(119))
  .filter(([a, b]) => a !== b)
  .map(([a, b]) => ({ start: at(Math.min(a, b)), end: at(Math.max(a, b)) }));
const openPeriod: fc.Arbitrary<OpenPeriod> = fc.oneof(
  period,
  fc.nat(119).map((start) => ({ start: at(start) })),
);

test("intersection holds exactly the hours that all hold", () => {
  fc.assert(
    fc.property(period, fc.array(openPeriod, { maxLength: 3 }), (first, others) => {
      const shared = intersection(first, ...others);
      for (const hour of hoursOf) {
        const isInAll = [first, ...others].every((each) => contains(each, hour));
        expect(shared !== undefined && contains(shared, hour)).toBe(isInAll);
      }
    }),
    { numRuns },
  );
});

test("what is left without others holds exactly the hours that no other holds", () => {
  fc.assert(
    fc.property(openPeriod, fc.array(openPeriod, { maxLength: 4 }), (first, others) => {
      const left = withoutPeriods(first, others);
      for (const hour of hoursOf) {
        const isLeft = contains(first, hour) && !others.some((other) => contains(other, hour));
        expect(left.filter((each) => contains(each, hour)).length).toBe(isLeft ? 1 : 0);
      }
    }),
    { numRuns },
  );
});

test("a split period covers the same hours, once, and is cut at every cut", () => {
  fc.assert(
    fc.property(period, fc.array(fc.nat(119), { maxLength: 5 }), (whole, hours) => {
      const cuts = hours.map(at);
      const pieces = splitPeriod(whole, cuts);
      for (const hour of hoursOf) {
        const count = pieces.filter((piece) => contains(piece, hour)).length;
        expect(count).toBe(contains(whole, hour) ? 1 : 0);
      }
      const isStraddled = pieces.some((piece) =>
        cuts.some((cut) => contains(piece, cut) && compareInstants(piece.start, cut) !== 0),
      );
      expect(isStraddled).toBe(false);
    }),
    { numRuns },
  );
});

test("days of a whole are the days of its parts, whatever the clocks do", () => {
  const zone = fc.constantFrom(
    "UTC",
    "Europe/London",
    "America/New_York",
    "Asia/Kathmandu",
    "+01:00",
  );
  fc.assert(
    fc.property(period, fc.nat(119), zone, (whole, hour, name) => {
      const parts = splitPeriod(whole, [at(hour)]);
      const total = parts.map((part) => dayCount(part, name)).reduce((a, b) => a.plus(b));
      expect(total.toFixed(60)).toBe(dayCount(whole, name).toFixed(60));
    }),
    { numRuns },
  );
});

test("days between local midnights are counted one by one", () => {
  fc.assert(
    fc.property(fc.nat(800), fc.integer({ min: 1, max: 400 }), (first, count) => {
      const day = Temporal.PlainDate.from("2023-01-01").add({ days: first });
      const instant = (date: Temporal.PlainDate) =>
        date.toZonedDateTime("Europe/London").toInstant();
      const whole = { start: instant(day), end: instant(day.add({ days: count })) };
      expect(dayCount(whole, "Europe/London").toString()).toBe(String(count));
    }),
    { numRuns },
  );
});
