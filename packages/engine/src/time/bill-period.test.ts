import { describe, expect, test } from "vitest";
import {
  billDateAt,
  billDateCovering,
  billDates,
  type BillingSchedule,
  billPeriods,
  type NumberedPeriod,
} from "./bill-period.ts";
import { dayCount } from "./day-count.ts";

const on = (text: string) => Temporal.PlainDate.from(text);
const at = (text: string) => Temporal.Instant.from(text);

const schedule = (given: {
  anchor?: string;
  start?: string;
  end?: string;
  zone?: string;
}): BillingSchedule => ({
  cadence: { anchor: on(given.anchor ?? "2022-01-01"), frequency: "MONTHLY", interval: 1 },
  zone: given.zone ?? "UTC",
  active: {
    start: at(given.start ?? "2024-06-15T00:00:00Z"),
    end: given.end === undefined ? undefined : at(given.end),
  },
});

const shown = (period: NumberedPeriod | undefined): string =>
  period === undefined
    ? "-"
    : `${period.number}: ${period.start.toString()} ${period.end.toString()}`;

describe("a plan that starts on June 15, billed on the 1st", () => {
  test.each([
    ["2024-06-15", "-", "0: 2024-06-15T00:00:00Z 2024-07-01T00:00:00Z"],
    [
      "2024-07-01",
      "0: 2024-06-15T00:00:00Z 2024-07-01T00:00:00Z",
      "1: 2024-07-01T00:00:00Z 2024-08-01T00:00:00Z",
    ],
    ["2024-07-15", "-", "-"],
    ["2024-06-01", "-", "-"],
  ])("the bill of %s closes %s and opens %s", (date, arrears, advance) => {
    const periods = billPeriods(schedule({}), on(date));
    expect(shown(periods.arrears)).toBe(arrears);
    expect(shown(periods.advance)).toBe(advance);
  });

  test("opens nothing once it has ended", () => {
    const ended = schedule({ end: "2024-08-10T00:00:00Z" });
    expect(shown(billPeriods(ended, on("2024-08-01")).advance)).toMatch(/^2: 2024-08-01/);
    expect(billPeriods(ended, on("2024-09-01")).advance).toBeUndefined();
    expect(shown(billPeriods(ended, on("2024-09-01")).arrears)).toMatch(/^2: 2024-08-01/);
    expect(billPeriods(ended, on("2024-10-01"))).toEqual({});
  });
});

test("a plan that ends with a period is billed once more, and never after", () => {
  const ended = schedule({ end: "2024-08-01T00:00:00Z" });
  expect(shown(billPeriods(ended, on("2024-08-01")).arrears)).toMatch(/^1: 2024-07-01/);
  expect(billPeriods(ended, on("2024-08-01")).advance).toBeUndefined();
  expect(billPeriods(ended, on("2024-09-01"))).toEqual({});
});

test("an epoch after the start: the first bill reaches back to the start", () => {
  // Documented: active from 2022-01-01, epoch 2022-02-15, monthly: bills Feb 15, Mar 15, Apr 15.
  const late = schedule({ anchor: "2022-02-15", start: "2022-01-01T00:00:00Z" });
  expect(billPeriods(late, on("2022-01-15"))).toEqual({});
  expect(shown(billPeriods(late, on("2022-02-15")).arrears)).toBe(
    "0: 2022-01-01T00:00:00Z 2022-02-15T00:00:00Z",
  );
  expect(shown(billPeriods(late, on("2022-03-15")).arrears)).toBe(
    "1: 2022-02-15T00:00:00Z 2022-03-15T00:00:00Z",
  );
});

test("days begin at the zone's midnight, across the change of the clocks", () => {
  const london = schedule({ start: "2024-02-29T12:00:00Z", zone: "Europe/London" });
  const march = billPeriods(london, on("2024-04-01")).arrears;
  expect(shown(march)).toBe("1: 2024-03-01T00:00:00Z 2024-03-31T23:00:00Z");
  // March 31 had 23 hours and is one day.
  expect(march && dayCount(march, "Europe/London").toString()).toBe("31");
});

test("a partly covered day counts as its fraction", () => {
  const period = { start: at("2024-06-15T18:00:00Z"), end: at("2024-07-01T00:00:00Z") };
  // 6 of 24 hours of June 15, then 15 days.
  expect(dayCount(period, "UTC").toString()).toBe("15.25");
  // 12:00 to 00:00 local of a day of 23 hours: 12/23 of it are left.
  const dst = { start: at("2024-03-31T11:00:00Z"), end: at("2024-03-31T23:00:00Z") };
  expect(dayCount(dst, "Europe/London").toFixed(6)).toBe("0.521739");
});

test("the bill that covers a day or an instant", () => {
  const given = schedule({ zone: "America/New_York" });
  expect(billDateCovering(given.cadence, on("2023-09-30")).toString()).toBe("2023-10-01");
  expect(billDateCovering(given.cadence, on("2023-09-12")).toString()).toBe("2023-10-01");
  expect(billDateCovering(given.cadence, on("2021-03-05")).toString()).toBe("2022-01-01");
  // Still June 30 in New York.
  expect(billDateAt(given, at("2024-07-01T03:59:59Z")).toString()).toBe("2024-07-01");
  expect(billDateAt(given, at("2024-07-01T04:00:00Z")).toString()).toBe("2024-08-01");
});

test("all bill dates of a plan, with the first one in advance and the one after its end", () => {
  const given = schedule({ end: "2024-08-10T00:00:00Z" });
  const range = { from: on("2024-01-01"), to: on("2025-01-01") };
  const dates = (billsInAdvance: boolean) =>
    billDates(given, { ...range, billsInAdvance }).map(String);
  expect(dates(false)).toEqual(["2024-07-01", "2024-08-01", "2024-09-01"]);
  expect(dates(true)).toEqual(["2024-06-15", "2024-07-01", "2024-08-01", "2024-09-01"]);
});
