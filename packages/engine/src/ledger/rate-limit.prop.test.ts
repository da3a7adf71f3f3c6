import * as fc from "fast-check";
import { expect, test } from "vitest";
import { emptyBucket, retryAt, takeToken, type RateLimit } from "./rate-limit.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const rateLimit = fc.record({
  id: fc.constant("r"),
  scope: fc.constant({}),
  limit: fc.integer({ min: 1, max: 12 }),
  windowMs: fc.integer({ min: 1, max: 5000 }),
  burst: fc.nat({ max: 5 }),
});

/** The times at which requests pass, of those that arrive after these waits. */
const passed = (limit: RateLimit, waits: readonly number[]): number[] => {
  let now = 1_800_000_000_000;
  let bucket = emptyBucket(limit);
  return waits.flatMap((wait) => {
    now += wait;
    if (retryAt(limit, bucket, now) > now) return [];
    bucket = takeToken(limit, bucket, now);
    return [now];
  });
};

test("in any window at most limit + burst pass (I27)", () => {
  fc.assert(
    fc.property(
      rateLimit,
      fc.array(fc.nat({ max: 900 }), { maxLength: 100, size: "max" }),
      (limit, waits) => {
        const times = passed(limit, waits);
        for (const end of times) {
          const within = times.filter((at) => at <= end && at > end - limit.windowMs);
          expect(within.length).toBeLessThanOrEqual(limit.limit + limit.burst);
        }
      },
    ),
    { numRuns },
  );
});

test("limit + burst pass at once, and retryAt is a time at which the next one passes", () => {
  fc.assert(
    fc.property(rateLimit, (limit) => {
      const now = 1_800_000_000_000;
      const capacity = limit.limit + limit.burst;
      let bucket = emptyBucket(limit);
      for (let count = 0; count < capacity; count++) {
        expect(retryAt(limit, bucket, now)).toBeLessThanOrEqual(now);
        bucket = takeToken(limit, bucket, now);
      }
      const next = retryAt(limit, bucket, now);
      expect(next).toBeGreaterThan(now);
      expect(retryAt(limit, bucket, next)).toBeLessThanOrEqual(next);
    }),
    { numRuns },
  );
});

test("over many windows the rate is the limit, burst counted once", () => {
  fc.assert(
    fc.property(rateLimit, (limit) => {
      const waits = Array.from({ length: 2000 }, () => Math.ceil(limit.windowMs / 20));
      const lasted = waits.length * Math.ceil(limit.windowMs / 20);
      const most = limit.limit * (lasted / limit.windowMs + 1) + limit.burst + 1;
      expect(passed(limit, waits).length).toBeLessThanOrEqual(most);
    }),
    { numRuns: Math.min(numRuns, 200) },
  );
});
