import * as fc from "fast-check";
import { parseCronItem } from "graphile-worker";
import { expect, test } from "vitest";
import { lastCronTime, nextCronTime, parseCron } from "@turnpike/engine/time/cron.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

/** A list of single values, ranges and steps, as the queue's own clock reads them as well. */
const listOf = (min: number, max: number) => {
  const single = fc.integer({ min, max }).map(String);
  const range = fc
    .uniqueArray(fc.integer({ min, max }), { minLength: 2, maxLength: 2 })
    .map((ends) => ends.toSorted((a, b) => a - b).join("-"));
  const step = fc.integer({ min: 1, max }).map((by) => `*/${by}`);
  const list = fc.array(fc.oneof(single, range, step), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    fc.constant("*"),
    list.map((parts) => parts.join(",")),
  );
};
const expression = fc
  .tuple(listOf(0, 59), listOf(0, 23), listOf(1, 31), listOf(1, 12), listOf(0, 6))
  .map((fields) => fields.join(" "));

const minuteMs = 60_000;
const beginning = Date.UTC(2024, 1, 27);
const minute = fc.nat(3 * 366 * 24 * 60).map((minutes) => beginning + minutes * minuteMs);

/** Whether the queue's clock would start its task in the minute. */
const isNamed = (match: string): ((atMs: number) => boolean) => {
  const item = parseCronItem({ task: "any", match });
  return (atMs) => {
    const at = new Date(atMs);
    return item.match({
      min: at.getUTCMinutes(),
      hour: at.getUTCHours(),
      date: at.getUTCDate(),
      month: at.getUTCMonth() + 1,
      dow: at.getUTCDay(),
    });
  };
};

/** So far the naive walk goes, a minute at a time. */
const minutesWalked = 3 * 24 * 60;

test("times are the minutes that the queue's clock would take, and none between is left out", () => {
  fc.assert(
    fc.property(expression, minute, fc.nat(minuteMs - 1), (text, startMs, ms) => {
      const cron = parseCron(text);
      if (cron === undefined) return;
      const named = isNamed(text);
      const walk = (direction: 1 | -1, from: number): number | undefined => {
        for (let n = from; n < minutesWalked; n += 1) {
          const atMs = startMs + direction * n * minuteMs;
          if (named(atMs)) return atMs;
        }
        return undefined;
      };
      const at = Temporal.Instant.fromEpochMilliseconds(startMs + ms);
      const next = nextCronTime(cron, at).epochMilliseconds;
      const last = lastCronTime(cron, at).epochMilliseconds;
      expect([named(next), named(last)]).toEqual([true, true]);
      expect(next).toBe(walk(1, 1) ?? Math.max(next, startMs + minutesWalked * minuteMs));
      expect(last).toBe(walk(-1, 0) ?? Math.min(last, startMs - minutesWalked * minuteMs));
    }),
    { numRuns },
  );
});
