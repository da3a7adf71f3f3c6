import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bucketName, bucketPieces, bucketStart } from "./time-buckets.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 40);
const microsPerDay = 86_400_000_000;

/** With offsets of halves and quarters of an hour, and changes of an hour and of half of one. */
const anyZone = fc.constantFrom(
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "Africa/Monrovia",
);
const anyFrequency = fc.constantFrom("HOUR", "DAY", "WEEK", "MONTH", "QUARTER");

/** From 1890, when local times had odd seconds, to 2100. */
const anyWindow = fc
  .tuple(fc.integer({ min: -29_220, max: 47_482 }), fc.integer({ min: 1, max: 10 }))
  .map(([day, days]) => ({ start: day * microsPerDay, end: (day + days) * microsPerDay }));

test("a bucket is named by the instant at which it starts", () => {
  fc.assert(
    fc.property(anyFrequency, anyZone, anyWindow, (frequency, timeZone, window) => {
      for (const { key } of bucketPieces({ frequency, timeZone }, window, 1000)) {
        const start = bucketStart(frequency, timeZone, key);
        expect(bucketName(frequency, timeZone, key)).toBe(start.toString());
      }
    }),
    { numRuns },
  );
});
