import { describe, expect, test } from "vitest";
import { lastTime, nextTime, type Repetition } from "./repetition.ts";

const at = (text: string) => Temporal.Instant.from(text);
const every = (period: number, unit: "MINUTE" | "HOUR" | "DAY", offset?: number): Repetition => ({
  kind: "every",
  unit,
  period,
  offset,
});
const dayMs = 86_400_000;
/** Every day at an hour. */
const daily = (hour: number): Repetition => {
  const last = (time: Temporal.Instant): Temporal.Instant => {
    const hourMs = hour * 3_600_000;
    const days = Math.floor((time.epochMilliseconds - hourMs) / dayMs);
    return Temporal.Instant.fromEpochMilliseconds(days * dayMs + hourMs);
  };
  return { kind: "named", times: { last, next: (time) => last(time).add({ hours: 24 }) } };
};

describe("begun on June 1 at 10:00, the next time after", () => {
  const since = at("2024-06-01T10:00:00Z");
  test.each([
    // The documented case of m3ter semantics 21.
    [every(2, "DAY"), "06-01T10:00:00Z", "06-03T10:00:00Z"],
    [every(2, "DAY"), "06-03T10:00:00Z", "06-05T10:00:00Z"],
    [every(15, "MINUTE"), "06-01T10:14:59.999Z", "06-01T10:15:00Z"],
    [every(15, "MINUTE"), "06-01T10:15:00Z", "06-01T10:30:00Z"],
    // An offset is hours into a day; 10 + 2 days on, the day's hour 6 is sooner.
    [every(2, "DAY", 6), "06-01T10:00:00Z", "06-03T06:00:00Z"],
    [every(2, "DAY", 12), "06-01T10:00:00Z", "06-01T12:00:00Z"],
    [every(2, "DAY", 12), "06-01T12:00:00Z", "06-03T12:00:00Z"],
    // And minutes into an hour.
    [every(3, "HOUR", 45), "06-01T10:00:00Z", "06-01T10:45:00Z"],
    [every(3, "HOUR", 45), "06-01T10:45:00Z", "06-01T13:45:00Z"],
    [daily(9), "06-01T10:00:00Z", "06-02T09:00:00Z"],
  ])("%j: 2024-%s is 2024-%s", (repetition, after, next) => {
    const found = nextTime(repetition, { since, after: at(`2024-${after}`) });
    expect(found).toEqual(at(`2024-${next}`));
  });
});

describe("of the times from the one that is owed, the last that has come", () => {
  const since = at("2024-06-01T10:00:00Z");
  test.each([
    [
      "the first, at once",
      every(1, "DAY"),
      "06-01T10:00:00Z",
      "06-01T10:00:00Z",
      "06-01T10:00:00Z",
    ],
    [
      "the first, late",
      every(1, "DAY", 12),
      "06-01T10:00:00Z",
      "06-01T10:01:00Z",
      "06-01T10:00:00Z",
    ],
    ["one that came", every(2, "DAY"), "06-03T10:00:00Z", "06-03T10:00:59Z", "06-03T10:00:00Z"],
    ["one for many", every(1, "HOUR"), "06-03T10:00:00Z", "06-03T22:30:00Z", "06-03T22:00:00Z"],
    ["one for many", daily(6), "06-02T06:00:00Z", "06-09T05:00:00Z", "06-08T06:00:00Z"],
    // The day's time was before the schedule was there.
    ["the first", daily(6), "06-01T10:00:00Z", "06-01T10:00:01Z", "06-01T10:00:00Z"],
  ])("%s of %j", (_, repetition, owed, now, last) => {
    const found = lastTime(repetition, { since, owed: at(`2024-${owed}`), now: at(`2024-${now}`) });
    expect(found).toEqual(at(`2024-${last}`));
  });
});
