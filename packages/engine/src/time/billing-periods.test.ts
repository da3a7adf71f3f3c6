import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BillingSchedule } from "./bill-period.ts";
import { billingPeriodAt, type BillingPeriods } from "./billing-periods.ts";
import type { RepeatingFrequency } from "./cadence.ts";
import { contains, type Period } from "./period.ts";

const instant = (text: string): Temporal.Instant =>
  Temporal.Instant.from(text.includes("T") ? text : `${text}T00:00:00Z`);

interface Plan {
  readonly frequency?: RepeatingFrequency;
  readonly interval?: number;
  readonly anchor?: string;
  readonly start: string;
  readonly end?: string;
  readonly zone?: string;
}

const scheduleOf = (given: Plan): BillingSchedule => ({
  cadence: {
    anchor: Temporal.PlainDate.from(given.anchor ?? "2022-01-01"),
    frequency: given.frequency ?? "MONTHLY",
    interval: given.interval ?? 1,
  },
  zone: given.zone ?? "UTC",
  active: {
    start: instant(given.start),
    end: given.end === undefined ? undefined : instant(given.end),
  },
});

const monthly = (zone = "UTC"): BillingPeriods["otherwise"] => ({
  cadence: { anchor: Temporal.PlainDate.from("2022-01-01"), frequency: "MONTHLY", interval: 1 },
  zone,
});

const textOf = ({ start, end }: Period): string => {
  const text = (at: Temporal.Instant) =>
    at.toString({ smallestUnit: "minute" }).replace("T00:00Z", "");
  return `${text(start)} to ${text(end)}`;
};

const shown = (plans: readonly Plan[], at: string): string => {
  const periods = { schedules: plans.map(scheduleOf), otherwise: monthly(plans[0]?.zone) };
  return textOf(billingPeriodAt(periods, instant(at)));
};

describe("the periods of one plan are those that its bills cover", () => {
  const epoch15 = { anchor: "2022-01-15", start: "2026-01-01", zone: "Europe/London" };
  const weekly: Plan = {
    frequency: "WEEKLY",
    anchor: "2022-01-04",
    start: "2026-01-01",
    zone: "America/New_York",
  };
  const yearly: Plan = { frequency: "ANNUALLY", start: "2024-03-20" };
  const late = { anchor: "2026-06-15", start: "2026-03-20" };

  test.each<readonly [string, Plan, at: string, period: string]>([
    ["yearly, from its start", yearly, "2024-12-31T23:59:59Z", "2024-03-20 to 2025-01-01"],
    ["yearly, a whole year", yearly, "2025-01-01", "2025-01-01 to 2026-01-01"],
    // 2026-03-08 has 23 hours in New York, 2026-11-01 has 25: weeks of 167 and 169 hours.
    ["weekly, clocks forward", weekly, "2026-03-09", "2026-03-03T05:00Z to 2026-03-10T04:00Z"],
    ["weekly, clocks back", weekly, "2026-11-02", "2026-10-27T04:00Z to 2026-11-03T05:00Z"],
    // London's clocks go forward on 2026-03-29: the 15th of April begins at 23:00 of the 14th, UTC.
    ["from the 15th", epoch15, "2026-04-01", "2026-03-15 to 2026-04-14T23:00Z"],
    [
      "from the 15th, a moment later",
      epoch15,
      "2026-04-14T23:00:00Z",
      "2026-04-14T23:00Z to 2026-05-14T23:00Z",
    ],
    [
      "every 10 days",
      { frequency: "DAILY", interval: 10, start: "2022-01-01" },
      "2022-01-25",
      "2022-01-21 to 2022-01-31",
    ],
    ["an epoch after the start", late, "2026-05-01", "2026-03-20 to 2026-06-15"],
    ["an epoch after the start, from then on", late, "2026-07-01", "2026-06-15 to 2026-07-15"],
  ])("%s", (_, plan, at, period) => {
    expect(shown([plan], at)).toBe(period);
  });
});

describe("plans that come and go", () => {
  const until = (end: string): Plan => ({ start: "2026-01-01", end });

  test("one of the same cadence that follows in the middle changes nothing", () => {
    const plans = [until("2026-03-10"), { start: "2026-03-10" }];
    for (const at of ["2026-03-09", "2026-03-10", "2026-03-31"])
      expect(shown(plans, at)).toBe("2026-03-01 to 2026-04-01");
  });

  test("one of another cadence follows when the period has ended, however often plans change within", () => {
    const plans: Plan[] = [
      until("2026-03-10"),
      { start: "2026-03-10", end: "2026-03-12", frequency: "WEEKLY" },
      { start: "2026-03-12", frequency: "ANNUALLY" },
    ];
    expect(shown(plans, "2026-03-11")).toBe("2026-03-01 to 2026-04-01");
    expect(shown(plans, "2026-03-20")).toBe("2026-03-01 to 2026-04-01");
    expect(shown(plans, "2026-04-01")).toBe("2026-04-01 to 2027-01-01");
  });

  test("one that begins beside another waits until that one has ended", () => {
    const plans: Plan[] = [until("2026-03-10"), { start: "2026-02-10", frequency: "ANNUALLY" }];
    expect(shown(plans, "2026-02-20")).toBe("2026-02-01 to 2026-03-01");
    expect(shown(plans, "2026-04-20")).toBe("2026-04-01 to 2027-01-01");
  });

  test("the first begins a period; without one there are the organization's months", () => {
    const plans: Plan[] = [{ start: "2026-03-20", end: "2026-03-25", frequency: "WEEKLY" }];
    expect(shown([], "2026-03-21")).toBe("2026-03-01 to 2026-04-01");
    expect(shown(plans, "2026-02-21")).toBe("2026-02-01 to 2026-03-01");
    expect(shown(plans, "2026-03-19")).toBe("2026-03-01 to 2026-03-20");
    // 2022-01-01 was a Saturday, as is 2026-03-21.
    expect(shown(plans, "2026-03-20")).toBe("2026-03-20 to 2026-03-21");
    expect(shown(plans, "2026-03-26")).toBe("2026-03-21 to 2026-03-28");
    expect(shown(plans, "2026-03-28")).toBe("2026-03-28 to 2026-04-01");
  });
});

const day = fc
  .integer({ min: 0, max: 900 })
  .map((days) => instant("2025-01-01").add({ hours: 24 * days + 5 }));

const plan = fc
  .record({
    frequency: fc.constantFrom<RepeatingFrequency>("DAILY", "WEEKLY", "MONTHLY", "ANNUALLY"),
    interval: fc.integer({ min: 1, max: 5 }),
    anchor: fc.constantFrom("2022-01-01", "2024-01-31", "2026-06-15"),
    start: day.map(String),
    length: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
  })
  .map(({ length, ...rest }) => {
    if (length === undefined) return rest;
    return {
      ...rest,
      end: instant(rest.start)
        .add({ hours: 24 * length })
        .toString(),
    };
  });

test("periods contain their moment, are disjoint and leave no gap, whatever plans come and go (I21)", () => {
  const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);
  const zones = fc.constantFrom("UTC", "America/New_York", "Australia/Lord_Howe");
  const plans = fc.array(plan, { maxLength: 4 });
  fc.assert(
    fc.property(plans, zones, day, (given, zone, at) => {
      const schedules = given
        .toSorted((a, b) => (a.start < b.start ? -1 : 1))
        .map((one) => scheduleOf({ ...one, zone }));
      const periods = { schedules, otherwise: monthly(zone) };
      const period = billingPeriodAt(periods, at);
      const last = period.end.subtract({ milliseconds: 1 });
      expect(contains(period, at)).toBe(true);
      expect(textOf(billingPeriodAt(periods, period.start))).toBe(textOf(period));
      expect(textOf(billingPeriodAt(periods, last))).toBe(textOf(period));
      expect(billingPeriodAt(periods, period.end).start.toString()).toBe(period.end.toString());
    }),
    { numRuns },
  );
});
