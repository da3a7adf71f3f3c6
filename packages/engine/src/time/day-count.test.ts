import { expect, test } from "vitest";
import { epochDay } from "./day-count.ts";

test("days since 1970 are Temporal's, around the turns of centuries and for sixty years", () => {
  const epoch = Temporal.PlainDate.from("1970-01-01");
  const spans = [
    ["1599-12-01", 120],
    ["1699-12-01", 120],
    ["1899-12-01", 120],
    ["1969-12-01", 22_000],
    ["2099-12-01", 120],
    ["2399-12-01", 120],
  ] as const;
  for (const [first, count] of spans) {
    let date = Temporal.PlainDate.from(first);
    const start = epoch.until(date).days;
    for (let day = 0; day < count; day += 1) {
      expect(epochDay(date)).toBe(start + day);
      date = date.add({ days: 1 });
    }
  }
});
