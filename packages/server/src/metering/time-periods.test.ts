import { describe, expect, test } from "vitest";
import { type TimePeriod, windowOf } from "./time-periods.ts";

type Case = readonly [period: TimePeriod, at: string, start: string, end: string];

/** Asked at `at`, a period is `[start, end)`. */
const check = (timeZone: string, cases: readonly Case[]) =>
  test.each(cases)("%s at %s", (period, at, start, end) => {
    const window = windowOf(period, { at: Temporal.Instant.from(at), timeZone });
    expect([window.start.toString(), window.end.toString()]).toEqual([start, end]);
  });

describe("the documented examples (m3ter semantics 20)", () => {
  check("UTC", [
    ["PREVIOUS_WEEK", "2024-06-12T09:30:00Z", "2024-06-03T00:00:00Z", "2024-06-10T00:00:00Z"],
    ["WEEK_TO_DATE", "2024-10-16T10:00:00Z", "2024-10-14T00:00:00Z", "2024-10-16T10:00:00Z"],
    ["LAST_30_DAYS", "2024-06-15T13:14:15Z", "2024-05-16T00:00:00Z", "2024-06-15T00:00:00Z"],
    ["LAST_12_HOURS", "2024-06-15T13:14:15Z", "2024-06-15T01:00:00Z", "2024-06-15T13:00:00Z"],
    ["YESTERDAY", "2024-06-15T13:14:15Z", "2024-06-14T00:00:00Z", "2024-06-15T00:00:00Z"],
  ]);
});

describe("the others", () => {
  const at = "2024-05-15T13:14:15Z";
  check("UTC", [
    ["TODAY", at, "2024-05-15T00:00:00Z", at],
    ["MONTH_TO_DATE", at, "2024-05-01T00:00:00Z", at],
    ["YEAR_TO_DATE", at, "2024-01-01T00:00:00Z", at],
    ["PREVIOUS_MONTH", at, "2024-04-01T00:00:00Z", "2024-05-01T00:00:00Z"],
    ["PREVIOUS_QUARTER", at, "2024-01-01T00:00:00Z", "2024-04-01T00:00:00Z"],
    ["PREVIOUS_YEAR", at, "2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z"],
    ["LAST_7_DAYS", at, "2024-05-08T00:00:00Z", "2024-05-15T00:00:00Z"],
    ["LAST_35_DAYS", at, "2024-04-10T00:00:00Z", "2024-05-15T00:00:00Z"],
    ["LAST_90_DAYS", at, "2024-02-15T00:00:00Z", "2024-05-15T00:00:00Z"],
    ["LAST_120_DAYS", at, "2024-01-16T00:00:00Z", "2024-05-15T00:00:00Z"],
    ["LAST_YEAR", at, "2023-05-15T00:00:00Z", "2024-05-15T00:00:00Z"],
    // A Monday belongs to the week that it begins, a first of January to its year.
    ["PREVIOUS_WEEK", "2024-06-10T00:00:00Z", "2024-06-03T00:00:00Z", "2024-06-10T00:00:00Z"],
    ["PREVIOUS_QUARTER", "2024-01-01T00:00:00Z", "2023-10-01T00:00:00Z", "2024-01-01T00:00:00Z"],
  ]);
});

describe("in a zone whose clock changed on 2024-03-10 at 02:00", () => {
  check("America/New_York", [
    ["YESTERDAY", "2024-03-11T12:00:00Z", "2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z"],
    ["LAST_7_DAYS", "2024-03-11T12:00:00Z", "2024-03-04T05:00:00Z", "2024-03-11T04:00:00Z"],
    ["LAST_12_HOURS", "2024-03-10T12:30:00Z", "2024-03-10T00:00:00Z", "2024-03-10T12:00:00Z"],
    // 02:00Z is still the day before.
    ["TODAY", "2024-03-11T02:00:00Z", "2024-03-10T05:00:00Z", "2024-03-11T02:00:00Z"],
  ]);
});

describe("in Lord Howe, half an hour off the full hours of UTC", () => {
  check("Australia/Lord_Howe", [
    ["LAST_12_HOURS", "2024-06-15T13:14:15Z", "2024-06-15T00:30:00Z", "2024-06-15T12:30:00Z"],
  ]);
});
