import { expect, test } from "vitest";
import { windowAsked } from "./usage-query.ts";

const at = Temporal.Instant.from("2026-06-15T12:00:00Z");
const asked = (body: Parameters<typeof windowAsked>[0]) => {
  const { start, end } = windowAsked(body, { at, timeZone: "Europe/Berlin" });
  return [start.toString(), end.toString()];
};
const startDate = "2026-01-01T00:00:00Z";

test.each([
  ["without dates all there can be", {}, ["0001-01-01T00:00:00Z", "2026-06-16T12:00:00Z"]],
  [
    "between its dates",
    { startDate, endDate: "2026-02-01T00:00:00Z" },
    [startDate, "2026-02-01T00:00:00Z"],
  ],
  [
    "no later than usage can be",
    { startDate, endDate: "9999-12-31T00:00:00Z" },
    [startDate, "2026-06-16T12:00:00Z"],
  ],
] as const)("a query is about usage %s", (_name, body, window) => {
  expect(asked(body)).toEqual(window);
});

test("what is weighed with time goes on to the end that is asked for, or to now", () => {
  const aggregations = [
    {
      meterId: "m",
      fieldCode: "seats",
      fieldType: "MEASURE",
      function: "LATEST",
      statistic: { kind: "TIME_WEIGHTED_SUM", unit: "HOUR" },
    },
  ] as const;
  const endDate = "2026-08-01T00:00:00Z";
  expect(asked({ startDate, endDate, aggregations: [...aggregations] })).toEqual([
    startDate,
    endDate,
  ]);
  expect(asked({ startDate, aggregations: [...aggregations] })).toEqual([startDate, at.toString()]);
});
