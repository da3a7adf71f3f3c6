import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareInstants } from "./period.ts";
import { lastTime, nextTime, type Repetition } from "./repetition.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const beginning = Temporal.Instant.from("2024-02-27T00:00:00Z");
const instant = fc.nat(10 * 86_400_000).map((milliseconds) => beginning.add({ milliseconds }));

const everyMinutes = fc
  .integer({ min: 15, max: 3 * 24 * 60 })
  .map((period): Repetition => ({ kind: "every", unit: "MINUTE", period }));
const everyHours = fc
  .record({
    period: fc.integer({ min: 1, max: 72 }),
    offset: fc.option(fc.integer({ min: 1, max: 59 }), { nil: undefined }),
  })
  .map((fields): Repetition => ({ kind: "every", unit: "HOUR", ...fields }));
const everyDays = fc
  .record({
    period: fc.integer({ min: 1, max: 3 }),
    offset: fc.option(fc.integer({ min: 1, max: 23 }), { nil: undefined }),
  })
  .map((fields): Repetition => ({ kind: "every", unit: "DAY", ...fields }));
const repetition = fc.oneof(everyMinutes, everyHours, everyDays);

test("times follow each other, and a run that is late is the last of those it makes up for", () => {
  fc.assert(
    fc.property(repetition, instant, instant, (repeated, since, other) => {
      const now = compareInstants(since, other) < 0 ? other : since;
      // One after the other, as a clock that is never late would meet them.
      const met = [since];
      for (;;) {
        const next = nextTime(repeated, { since, after: met.at(-1) ?? since });
        expect(compareInstants(next, met.at(-1) ?? next)).toBeGreaterThan(0);
        if (compareInstants(next, now) > 0) break;
        met.push(next);
      }
      const last = met.at(-1) ?? since;
      for (const owed of met) expect(lastTime(repeated, { since, owed, now })).toEqual(last);
      expect(nextTime(repeated, { since, after: now })).toEqual(
        nextTime(repeated, { since, after: last }),
      );
    }),
    { numRuns },
  );
});

test("with a period, two times lie that far apart, and the first one no further from the beginning", () => {
  const minutesOf = { MINUTE: 1, HOUR: 60, DAY: 24 * 60 } as const;
  fc.assert(
    fc.property(fc.oneof(everyMinutes, everyHours, everyDays), instant, (repeated, since) => {
      if (repeated.kind === "named") return;
      const periodMs = repeated.period * minutesOf[repeated.unit] * 60_000;
      const first = nextTime(repeated, { since, after: since });
      const second = nextTime(repeated, { since, after: first });
      expect(second.epochMilliseconds - first.epochMilliseconds).toBe(periodMs);
      expect(first.epochMilliseconds - since.epochMilliseconds).toBeLessThanOrEqual(periodMs);
    }),
    { numRuns },
  );
});
