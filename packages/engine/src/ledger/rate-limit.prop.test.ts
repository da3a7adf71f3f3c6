import * as fc from "fast-check";
import { expect, test } from "vitest";
import { emptyBucket, retryAt, type RateBucket, type RateLimit, takeToken } from "./rate-limit.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const rateLimit = fc.record({
  id: fc.constant("r"),
  code: fc.constant("r"),
  scope: fc.constant({}),
  limit: fc.integer({ min: 1, max: 12 }),
  windowMs: fc.integer({ min: 1, max: 5000 }),
  burst: fc.nat({ max: 5 }),
});

const waitsOf = (maxLength: number) => fc.array(fc.nat({ max: 900 }), { maxLength, size: "max" });

interface Passed {
  /** When requests passed. */
  readonly times: readonly number[];
  readonly bucket: RateBucket;
  readonly now: number;
}

/** Of requests that arrive after these waits. */
const pass = (
  limit: RateLimit,
  waits: readonly number[],
  from: Omit<Passed, "times"> = { bucket: emptyBucket(limit), now: 1_800_000_000_000 },
): Passed => {
  let { bucket, now } = from;
  const times = waits.flatMap((wait) => {
    now += wait;
    if (retryAt(limit, bucket, now) > now) return [];
    bucket = takeToken(limit, bucket, now);
    return [now];
  });
  return { times, bucket, now };
};

test("in any window at most limit + burst pass (I27)", () => {
  fc.assert(
    fc.property(rateLimit, waitsOf(100), (limit, waits) => {
      const { times } = pass(limit, waits);
      for (const end of times) {
        const within = times.filter((at) => at <= end && at > end - limit.windowMs);
        expect(within.length).toBeLessThanOrEqual(limit.limit + limit.burst);
      }
    }),
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

test("a limit that changes counts on (I27), and refuses nobody for longer than its own window", () => {
  fc.assert(
    fc.property(
      fc.tuple(rateLimit, rateLimit),
      fc.tuple(waitsOf(40), waitsOf(40)),
      ([before, after], [first, then]) => {
        const earlier = pass(before, first);
        const times = [...earlier.times, ...pass(after, then, earlier).times];
        // What a shorter window has forgotten, a longer one cannot count.
        const reachMs = Math.min(before.windowMs, after.windowMs);
        for (const end of times.slice(earlier.times.length)) {
          const within = times.filter((at) => at <= end && at > end - reachMs);
          expect(within.length).toBeLessThanOrEqual(after.limit + after.burst);
        }
        const later = earlier.now + after.windowMs;
        expect(retryAt(after, earlier.bucket, later)).toBeLessThanOrEqual(later);
      },
    ),
    { numRuns },
  );
});

test("over many windows the rate is the limit, burst counted once", () => {
  fc.assert(
    fc.property(rateLimit, (limit) => {
      const waits = Array.from({ length: 2000 }, () => Math.ceil(limit.windowMs / 20));
      const lasted = waits.length * Math.ceil(limit.windowMs / 20);
      const most = limit.limit * (lasted / limit.windowMs + 1) + limit.burst + 1;
      expect(pass(limit, waits).times.length).toBeLessThanOrEqual(most);
    }),
    { numRuns: Math.min(numRuns, 200) },
  );
});
