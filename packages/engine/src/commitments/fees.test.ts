import { describe, expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { feesByCadence, type FeeTerms, instalments } from "./fees.ts";

const at = (date: string) => Temporal.Instant.from(`${date}T00:00:00Z`);

const year = (
  changes: Partial<FeeTerms> & { months?: number; start?: string; end?: string },
): FeeTerms => {
  const term = { start: at(changes.start ?? "2024-01-01"), end: at(changes.end ?? "2025-01-01") };
  return {
    amount: decimal(15_000),
    interval: 1,
    offset: 0,
    billInAdvance: false,
    scale: 2,
    term,
    schedule: {
      cadence: {
        anchor: Temporal.PlainDate.from("2022-01-01"),
        frequency: "MONTHLY",
        interval: changes.months ?? 1,
      },
      zone: "UTC",
      active: term,
    },
    ...changes,
  };
};

const shown = (terms: FeeTerms) =>
  feesByCadence(terms).map(({ billDate, amount }) => `${billDate.toString()} ${amount.toFixed(2)}`);

describe("fees on a plan's cadence (m3ter semantics 15.7)", () => {
  test("$15,000 over 12 monthly bills: 12 × $1,250", () => {
    const fees = shown(year({}));
    expect(fees).toHaveLength(12);
    expect(fees[0]).toBe("2024-02-01 1250.00");
    expect(fees[11]).toBe("2025-01-01 1250.00");
  });

  test("in advance each fee is dated at its period's start", () => {
    expect(shown(year({ billInAdvance: true }))[0]).toBe("2024-01-01 1250.00");
  });

  test.each([
    // Quarterly bills, every second one: offset 0 from the first bill, offset 1 from the second.
    [0, ["2024-04-01 7500.00", "2024-10-01 7500.00"]],
    [1, ["2024-07-01 7500.00", "2025-01-01 7500.00"]],
  ])("every second quarterly bill from number %i", (offset, expected) => {
    expect(shown(year({ months: 3, interval: 2, offset }))).toEqual(expected);
  });

  test("what is paid already and the first bill's amount come off the rest", () => {
    // 15,000 − 3,000 = 12,000; 1,000 first; 11,000 / 11 = 1,000 each.
    const fees = shown(year({ amountPrePaid: decimal(3000), amountFirstBill: decimal(1000) }));
    expect(new Set(fees.map((fee) => fee.split(" ")[1]))).toEqual(new Set(["1000.00"]));
  });

  test("a partial first and last month weigh their days, the last takes the residual", () => {
    // Jan 16 to Apr 16: 16/31, 1, 1, 15/30; 100 in parts of 3.016129…: 17.11, 33.16, 33.16, 16.57.
    const fees = shown(year({ amount: decimal(100), start: "2024-01-16", end: "2024-04-16" }));
    expect(fees).toEqual([
      "2024-02-01 17.11",
      "2024-03-01 33.16",
      "2024-04-01 33.16",
      "2024-05-01 16.57",
    ]);
  });
});

test("instalments add up: 100 in three", () => {
  const third = decimal(1);
  const parts = instalments(decimal(100), [third, third, third], 2).map((part) => part.toFixed(2));
  expect(parts).toEqual(["33.33", "33.33", "33.34"]);
});
