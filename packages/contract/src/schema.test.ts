import { expect, test } from "vitest";
import { date, dateTime, periodDay } from "./schema.ts";

test.each([
  ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
  ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
  ["9999-12-31T23:59:59+14:00", "9999-12-31T09:59:59.000Z"],
])("%s is %s, and reads as it again", (text, at) => {
  expect(dateTime.parse(text)).toBe(at);
  expect(dateTime.parse(at)).toBe(at);
});

test.each(["0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:00-00:01"])(
  "%s is of a year that cannot be stored",
  (text) => {
    const { issues } = dateTime.safeParse(text).error ?? {};
    expect(issues).toMatchObject([{ message: "must be in the years 1 to 9999 in UTC" }]);
  },
);

test("no day is of the year 0, and no period of a year that has no room for the next one", () => {
  expect(date.safeParse("0000-12-31").success).toBe(false);
  expect(date.safeParse("0001-01-01").success).toBe(true);
  expect(date.safeParse("9999-12-31").success).toBe(true);
  expect(periodDay.safeParse("8999-12-31").success).toBe(true);
  expect(periodDay.safeParse("9000-01-01").success).toBe(false);
});
