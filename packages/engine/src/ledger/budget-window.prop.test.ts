import * as fc from "fast-check";
import { expect, test } from "vitest";
import { firstLiveSlot, windowAt, type Budget, type Window } from "./budget-window.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const budgetOf = (
  kind: "hour" | "day" | "week" | "month",
  zone: string,
  anchor: string | null,
): Budget => ({
  id: "b",
  code: "b",
  scope: {},
  counts: { asset: "USD" },
  window: { kind },
  zone,
  anchor,
  limit: 0n,
  mode: "hard",
  alertPercents: [],
});

const budget = fc
  .tuple(
    fc.constantFrom("hour" as const, "day" as const, "week" as const, "month" as const),
    fc.constantFrom(
      "UTC",
      "America/New_York",
      "Europe/London",
      "Australia/Lord_Howe",
      "Asia/Kathmandu",
      "Asia/Pyongyang",
      "Africa/Monrovia",
      "Africa/Cairo",
      "Pacific/Apia",
    ),
    fc.constantFrom(null, "2026-01-31T00:00", "2026-05-04T06:30"),
  )
  .map(([kind, zone, anchor]) => budgetOf(kind, zone, anchor));

const moment = fc.integer({
  min: Temporal.Instant.from("2008-01-01T00:00Z").epochMilliseconds,
  max: Temporal.Instant.from("2035-01-01T00:00Z").epochMilliseconds,
});

test("calendar windows contain their moment, are disjoint and leave no gap (I21)", () => {
  fc.assert(
    fc.property(budget, moment, (each, now) => {
      const window = windowAt(each, now);
      const end = window.end ?? Number.NaN;
      expect(window.start).toBeLessThanOrEqual(now);
      expect(end).toBeGreaterThan(now);
      expect(windowAt(each, end).start).toBe(end);
      expect(windowAt(each, end - 1)).toEqual(window);
      expect(windowAt(each, window.start)).toEqual(window);
    }),
    { numRuns },
  );
});

test("a slot of a rolling window counts until all of it has left the window", () => {
  const duration = fc.integer({ min: 1, max: 366 * 86_400_000 });
  fc.assert(
    fc.property(duration, moment, fc.nat(), (durationMs, now, before) => {
      const rolling = { kind: "rolling", durationMs } as const;
      const { start, end }: Window = windowAt(
        { ...budgetOf("day", "UTC", null), window: rolling },
        now - (before % (2 * durationMs)),
      );
      const isLive = (end ?? Number.NaN) > now - durationMs;
      expect(start >= firstLiveSlot(durationMs, now)).toBe(isLive);
    }),
    { numRuns },
  );
});

const at = (text: string): number => Temporal.Instant.from(text).epochMilliseconds;

test("a month anchored on the 31st ends on the last day of shorter months", () => {
  const monthly = budgetOf("month", "UTC", "2026-01-31T00:00");
  expect(windowAt(monthly, at("2026-02-10T00:00Z"))).toEqual({
    start: at("2026-01-31T00:00Z"),
    end: at("2026-02-28T00:00Z"),
  });
  expect(windowAt(monthly, at("2026-03-10T00:00Z"))).toEqual({
    start: at("2026-02-28T00:00Z"),
    end: at("2026-03-31T00:00Z"),
  });
});

test("a week starts on Monday, local time", () => {
  // 2026-11-21 is a Saturday; New York is five hours behind UTC by then.
  expect(windowAt(budgetOf("week", "America/New_York", null), at("2026-11-21T12:00Z"))).toEqual({
    start: at("2026-11-16T05:00Z"),
    end: at("2026-11-23T05:00Z"),
  });
});

test.each([
  // 1970 was at +07:30 in Singapore and at +05:30 in Kathmandu; Pyongyang went to +08:30 and back.
  ["Asia/Singapore", null, "2026-11-23T09:10Z", "2026-11-23T09:00Z", "2026-11-23T10:00Z"],
  ["Asia/Kathmandu", null, "2026-11-23T09:10Z", "2026-11-23T08:15Z", "2026-11-23T09:15Z"],
  ["Africa/Monrovia", null, "2026-11-23T09:10Z", "2026-11-23T09:00Z", "2026-11-23T10:00Z"],
  [
    "Asia/Kathmandu",
    "1980-01-01T00:10",
    "2026-11-23T09:10Z",
    "2026-11-23T08:25Z",
    "2026-11-23T09:25Z",
  ],
  // Clocks of New York go back at 06:00Z: 01:30 comes twice, in two windows.
  ["America/New_York", null, "2026-11-01T05:30Z", "2026-11-01T05:00Z", "2026-11-01T06:00Z"],
  ["America/New_York", null, "2026-11-01T06:30Z", "2026-11-01T06:00Z", "2026-11-01T07:00Z"],
  // Those of Lord Howe go on by half an hour at 15:30Z, from 02:00 to 02:30, and back at 15:00Z.
  ["Australia/Lord_Howe", null, "2026-10-03T15:29Z", "2026-10-03T14:30Z", "2026-10-03T15:30Z"],
  ["Australia/Lord_Howe", null, "2026-10-03T15:31Z", "2026-10-03T15:30Z", "2026-10-03T16:00Z"],
  ["Australia/Lord_Howe", null, "2026-04-04T15:01Z", "2026-04-04T15:00Z", "2026-04-04T15:30Z"],
])("an hour of %s from %s on begins by the clock on the wall", (zone, anchor, now, start, end) => {
  expect(windowAt(budgetOf("hour", zone, anchor), at(now))).toEqual({
    start: at(start),
    end: at(end),
  });
});
