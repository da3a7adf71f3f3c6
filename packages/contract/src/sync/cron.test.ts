import { describe, expect, test } from "vitest";
import { parseCron } from "./cron.ts";

const cronOf = (expression: string) => {
  const read = parseCron(expression);
  if ("fault" in read) throw new Error(read.fault);
  return read.cron;
};
const at = (text: string) => Temporal.Instant.from(text);

test.each([
  "",
  "* * * *",
  "0 0 * * * *",
  "60 * * * *",
  "* 24 * * *",
  "* * 0 * *",
  "* * 32 * *",
  "* * * 13 *",
  "* * * * 8",
  "-1 * * * *",
  "1.5 * * * *",
  "5-1 * * * *",
  "*/0 * * * *",
  "5/15 * * * *",
  "1,,2 * * * *",
  "* * * MON *",
  "JAN * * * *",
  "* * * FOO *",
  // Days that there never are.
  "0 0 30 2 *",
  "0 0 31 4,6,9,11 *",
])("%j is no cron expression", (expression) => {
  expect(parseCron(expression)).toHaveProperty("fault");
});

describe("the next time, and the last one from there", () => {
  test.each([
    // [expression, after, next, the last that is not after `after`]
    ["0 6 * * *", "2024-06-01T05:59:59.999Z", "2024-06-01T06:00:00Z", "2024-05-31T06:00:00Z"],
    ["0 6 * * *", "2024-06-01T06:00:00Z", "2024-06-02T06:00:00Z", "2024-06-01T06:00:00Z"],
    ["*/15 * * * *", "2024-12-31T23:50:00Z", "2025-01-01T00:00:00Z", "2024-12-31T23:45:00Z"],
    ["0 9-17/4 * * *", "2024-06-01T10:00:00Z", "2024-06-01T13:00:00Z", "2024-06-01T09:00:00Z"],
    ["30 8,20 * * *", "2024-06-01T08:30:01Z", "2024-06-01T20:30:00Z", "2024-06-01T08:30:00Z"],
    // June 1, 2024 was a Saturday.
    ["0 6 * * mon-fri", "2024-06-01T00:00:00Z", "2024-06-03T06:00:00Z", "2024-05-31T06:00:00Z"],
    ["0 6 * * 7", "2024-06-01T00:00:00Z", "2024-06-02T06:00:00Z", "2024-05-26T06:00:00Z"],
    ["0 0 1 JAN *", "2024-06-01T00:00:00Z", "2025-01-01T00:00:00Z", "2024-01-01T00:00:00Z"],
    // Either is enough: the 13th was a Thursday.
    ["0 0 13 * FRI", "2024-06-08T00:00:00Z", "2024-06-13T00:00:00Z", "2024-06-07T00:00:00Z"],
    ["0 0 13 * FRI", "2024-06-13T00:00:00Z", "2024-06-14T00:00:00Z", "2024-06-13T00:00:00Z"],
    // June 30 comes, and Mondays do, where the other part of the day does not.
    ["0 0 30 2,6 *", "2024-06-01T00:00:00Z", "2024-06-30T00:00:00Z", "2023-06-30T00:00:00Z"],
    ["0 0 30 2 MON", "2024-06-01T00:00:00Z", "2025-02-03T00:00:00Z", "2024-02-26T00:00:00Z"],
    // 2100 is no leap year.
    ["0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z", "2096-02-29T00:00:00Z"],
    ["  0   0 29 2 * ", "2104-02-28T23:59:00Z", "2104-02-29T00:00:00Z", "2096-02-29T00:00:00Z"],
  ])("of %s at %s", (expression, now, next, last) => {
    const cron = cronOf(expression);
    expect(cron.next(at(now))).toEqual(at(next));
    expect(cron.last(at(now))).toEqual(at(last));
  });
});

test.each([
  ["0 6 * * *", 24 * 60],
  ["*/15 * * * *", 15],
  ["* * * * *", 1],
  ["0,50 * * * *", 10],
  // From 23:55 to 00:05.
  ["5,55 0,23 * * *", 10],
])("%s leaves at least %d minutes", (expression, minutes) => {
  expect(cronOf(expression).shortestGapMs).toBe(minutes * 60_000);
});
