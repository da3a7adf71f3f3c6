import { DuckDBInstance } from "@duckdb/node-api";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { integer, rowsOf } from "./cells.ts";
import { bucketNames, bucketPieces, bucketStart, timeKey } from "./time-buckets.ts";

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
const frequencies = ["HOUR", "DAY", "WEEK", "MONTH", "QUARTER"] as const;
const anyFrequency = fc.constantFrom(...frequencies);

/** From 1890, when local times had odd seconds, to 2100. */
const anyWindow = fc
  .tuple(fc.integer({ min: -29_220, max: 47_482 }), fc.integer({ min: 1, max: 10 }))
  .map(([day, days]) => ({ start: day * microsPerDay, end: (day + days) * microsPerDay }));

test("a bucket is named by the instant at which it starts", () => {
  fc.assert(
    fc.property(anyFrequency, anyZone, anyWindow, (frequency, timeZone, window) => {
      const nameOf = bucketNames(frequency, timeZone);
      for (const { key } of bucketPieces({ frequency, timeZone }, window, 1000)) {
        const start = bucketStart(frequency, timeZone, key);
        expect(nameOf(key)).toBe(start.toString());
      }
    }),
    { numRuns },
  );
});

test("SQL puts every instant into the bucket whose piece it is in", async () => {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const anyPlaces = fc.array(fc.nat(999_999), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...frequencies, "YEAR" as const),
      anyZone,
      anyWindow,
      anyPlaces,
      async (frequency, timeZone, window, places) => {
        const pieces = bucketPieces({ frequency, timeZone }, window, 1000);
        // Where buckets meet, and anywhere.
        const instants = [
          ...pieces.flatMap(({ start, end }) => [start, end - 1]),
          ...places.map(
            (place) => window.start + ((window.end - window.start) / 1_000_000) * place,
          ),
        ];
        const { expression } = timeKey(frequency, timeZone, window);
        const values = instants.map((micros, at) => `(${at}, make_timestamp(${micros}))`);
        const rows = await rowsOf(
          connection,
          `SELECT ${expression} FROM (VALUES ${values.join(", ")}) AS usage(place, ts) ORDER BY place`,
        );
        const expected = instants.map(
          (at) => pieces.find(({ start, end }) => start <= at && at < end)?.key,
        );
        expect(rows.map(([key]) => integer(key))).toEqual(expected);
      },
    ),
    { numRuns },
  );
  connection.closeSync();
  instance.closeSync();
});
