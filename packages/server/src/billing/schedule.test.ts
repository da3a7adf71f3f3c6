import { expect, test } from "vitest";
import { lastRunBefore } from "./schedule.ts";

const berlin = "Europe/Berlin";

test.each([
  // Quarter hours from midnight.
  [0.25, 0, "UTC", "2024-05-10T10:14:59Z", "2024-05-10T10:00:00Z"],
  [0.25, 0, "UTC", "2024-05-10T10:15:00Z", "2024-05-10T10:15:00Z"],
  // 0, 6, 12, 18 o'clock in Berlin is 22, 4, 10, 16 o'clock UTC in summer.
  [6, 0, berlin, "2024-05-10T09:59:00Z", "2024-05-10T04:00:00Z"],
  [6, 0, berlin, "2024-05-10T21:59:00Z", "2024-05-10T16:00:00Z"],
  [6, 0, berlin, "2024-05-10T22:00:00Z", "2024-05-10T22:00:00Z"],
  // Once a day at 3 o'clock in Berlin; before that, yesterday's.
  [24, 3, berlin, "2024-05-10T00:59:00Z", "2024-05-09T01:00:00Z"],
  [24, 3, berlin, "2024-05-10T01:00:00Z", "2024-05-10T01:00:00Z"],
  // On 2024-03-31 there is no 2 o'clock in Berlin: the run is at 3, which is 1 o'clock UTC.
  [24, 2, berlin, "2024-03-31T12:00:00Z", "2024-03-31T01:00:00Z"],
  // The offset belongs to the daily run only.
  [12, 5, "UTC", "2024-05-10T11:00:00Z", "2024-05-10T00:00:00Z"],
])("every %s h, offset %s, %s: at %s the last run was due %s", (hours, offset, zone, at, due) => {
  const schedule = { intervalHours: hours, offsetHours: offset, zone };
  expect(lastRunBefore(schedule, Temporal.Instant.from(at)).toString()).toBe(due);
});
