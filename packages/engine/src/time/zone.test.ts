import { expect, test } from "vitest";
import { parseZone } from "./zone.ts";

test.each([
  ["UTC", "UTC"],
  ["GMT", "UTC"],
  ["UTC+1:00", "+01:00"],
  ["GMT+1", "+01:00"],
  ["+1", "+01:00"],
  ["UTC-03:30", "-03:30"],
  ["+0545", "+05:45"],
  ["Europe/London", "Europe/London"],
  ["America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"],
])("%s is %s", (text, expected) => {
  expect(parseZone(text)).toBe(expected);
});

test.each(["", "Mars/Olympus", "UTC+", "+25", "GMT+1:75", "2024-01-01T00:00Z", "+1:00:00"])(
  "%j is no zone",
  (text) => {
    expect(parseZone(text)).toBeUndefined();
  },
);
