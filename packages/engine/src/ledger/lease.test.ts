import { columnsOf, type SampleLedger } from "./sample-ledger.ts";
import { money, units, fundedLedger } from "./sample-request.ts";
import { describe, expect, test } from "vitest";

const leased = (onExpiry: "settle" | "release") => {
  const ledger = fundedLedger("100");
  ledger.run({
    kind: "openLease",
    id: "l",
    fingerprint: "l",
    account: "acme",
    asset: "USD",
    amount: money("20"),
    ttlMs: 60_000,
    onExpiry,
    settleOverage: "debt",
  });
  expect(columnsOf(ledger).available).toBe("80");
  return ledger;
};

const report = (ledger: SampleLedger) =>
  ledger.one({
    kind: "reportLease",
    id: "l",
    fingerprint: "r",
    sequence: 1,
    spends: [
      { id: "s1", meter: "calls", quantity: units("1"), amount: money("8"), occurredAt: 1 },
      { id: "s2", meter: "calls", quantity: units("1"), amount: money("5"), occurredAt: 2 },
    ],
    isFinal: true,
  });

describe("W17 a lease of 20 for 60 s on 100", () => {
  test("report 13: 7 released, one event per spend", () => {
    const ledger = leased("release");
    report(ledger);
    expect(columnsOf(ledger)).toMatchObject({ D: "13", H: "0", available: "87" });
    expect(ledger.events.map((event) => event.id)).toEqual(["s1", "s2"]);
  });

  test("unreported, settle on expiry: all of it", () => {
    const ledger = leased("settle");
    ledger.now = 60_000;
    ledger.run();
    expect(columnsOf(ledger)).toMatchObject({ D: "20", H: "0" });
  });

  test("unreported, release on expiry: a late report of 13 is a late settlement", () => {
    const ledger = leased("release");
    ledger.now = 60_000;
    ledger.run();
    expect(columnsOf(ledger)).toMatchObject({ D: "0", H: "0" });
    expect(report(ledger)).toMatchObject({ state: "SETTLED_LATE" });
    expect(columnsOf(ledger).D).toBe("13");
  });
});
