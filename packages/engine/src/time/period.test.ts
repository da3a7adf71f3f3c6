import { expect, test } from "vitest";
import { type OpenPeriod, withoutPeriods } from "./period.ts";

const at = (day: number) => Temporal.Instant.from("2024-01-01T00:00:00Z").add({ hours: 24 * day });
const days = (start: number, end?: number): OpenPeriod => ({
  start: at(start),
  end: end === undefined ? undefined : at(end),
});

test.each([
  ["nothing taken out", days(0, 10), [], [days(0, 10)]],
  ["a hole", days(0, 10), [days(3, 5)], [days(0, 3), days(5, 10)]],
  ["one inside another", days(0, 30), [days(0, 20), days(5, 10)], [days(20, 30)]],
  ["an open end", days(0), [days(3)], [days(0, 3)]],
  ["all of it", days(2, 5), [days(0, 9)], []],
  ["neighbours only", days(2, 5), [days(0, 2), days(5, 9)], [days(2, 5)]],
])("without: %s", (_name, period, others, expected) => {
  const text = (periods: readonly OpenPeriod[]) =>
    periods.map(({ start, end }) => `${start.toString()} ${String(end)}`);
  expect(text(withoutPeriods(period, others))).toEqual(text(expected));
});
