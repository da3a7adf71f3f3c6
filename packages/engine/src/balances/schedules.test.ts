import { describe, expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import {
  type ChargeSchedule,
  runsAround,
  scheduledCharges,
  transactionInstants,
} from "./schedules.ts";

const at = (text: string) => Temporal.Instant.from(text.includes("T") ? text : `${text}T00:00:00Z`);

describe("transaction schedules (m3ter semantics 16.5)", () => {
  test("monthly from January 1 to April 1: three entries, none on the end", () => {
    const instants = transactionInstants({
      frequency: "MONTHLY",
      interval: 1,
      period: { start: at("2025-01-01"), end: at("2025-04-01") },
      zone: "UTC",
    });
    expect(instants.map((instant) => instant.toString().slice(0, 10))).toEqual([
      "2025-01-01",
      "2025-02-01",
      "2025-03-01",
    ]);
  });

  test.each([
    ["DAILY", 10, "2025-01-31 2025-02-10 2025-02-20 2025-03-02"],
    ["WEEKLY", 2, "2025-01-31 2025-02-14 2025-02-28"],
    ["MONTHLY", 1, "2025-01-31 2025-02-28"],
    ["ANNUALLY", 1, "2025-01-31"],
  ] as const)("%s × %i", (frequency, interval, expected) => {
    const instants = transactionInstants({
      frequency,
      interval,
      period: { start: at("2025-01-31"), end: at("2025-03-10") },
      zone: "UTC",
    });
    expect(instants.map((instant) => instant.toString().slice(0, 10)).join(" ")).toBe(expected);
  });

  test("keeps its local time of day when the clocks change", () => {
    const instants = transactionInstants({
      frequency: "DAILY",
      interval: 1,
      period: { start: at("2024-03-30T09:00:00Z"), end: at("2024-04-02") },
      zone: "Europe/London",
    });
    expect(instants.map(String)).toEqual([
      "2024-03-30T09:00:00Z",
      "2024-03-31T08:00:00Z",
      "2024-04-01T08:00:00Z",
    ]);
  });

  test("previous and next run", () => {
    const instants = [at("2025-01-01"), at("2025-02-01")];
    expect(runsAround(instants, at("2025-01-01")).previousRun).toBe(instants[0]);
    expect(runsAround(instants, at("2025-01-01")).nextRun).toBe(instants[1]);
    expect(runsAround(instants, at("2025-03-01")).nextRun).toBeUndefined();
  });
});

describe("charge schedules (m3ter semantics 16.5)", () => {
  const schedule = (changes: Partial<ChargeSchedule> = {}): ChargeSchedule => ({
    frequency: "MONTHLY",
    interval: 1,
    servicePeriod: { start: at("2025-01-01"), end: at("2025-03-16") },
    billInAdvance: false,
    amount: decimal(310),
    zone: "UTC",
    ...changes,
  });
  const shown = (given: ChargeSchedule, prorates?: boolean) =>
    scheduledCharges(given, prorates).map(
      ({ billDate, amount, servicePeriod }) =>
        `${billDate.toString()} ${amount.toFixed(2)} to ${servicePeriod.end.toString().slice(0, 10)}`,
    );

  test("in arrears at each slice's end, in advance at its start", () => {
    expect(shown(schedule())).toEqual([
      "2025-02-01 310.00 to 2025-02-01",
      "2025-03-01 310.00 to 2025-03-01",
      "2025-03-16 310.00 to 2025-03-16",
    ]);
    expect(shown(schedule({ billInAdvance: true })).map((line) => line.slice(0, 10))).toEqual([
      "2025-01-01",
      "2025-02-01",
      "2025-03-01",
    ]);
  });

  test("a last slice that is cut costs its days when asked to: 310 × 15/31", () => {
    expect(shown(schedule(), true).at(-1)).toBe("2025-03-16 150.00 to 2025-03-16");
  });

  test("an epoch cuts the slices elsewhere", () => {
    const epoch = schedule({ billEpoch: Temporal.PlainDate.from("2024-12-15") });
    expect(shown(epoch).map((line) => line.slice(0, 10))).toEqual([
      "2025-01-15",
      "2025-02-15",
      "2025-03-15",
      "2025-03-16",
    ]);
  });
});
