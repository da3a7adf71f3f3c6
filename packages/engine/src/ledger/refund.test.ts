import { describe, expect, test } from "vitest";
import { brokenInvariants } from "./invariants.ts";
import type { SampleLedger } from "./sample-ledger.ts";
import {
  fundedLedger,
  money,
  sampleCharge,
  sampleRefund,
  sampleTrueUp,
  units,
} from "./sample-request.ts";

const undone = (ledger: SampleLedger): bigint => ledger.authorization("a").refundedQuantity;

describe("a refund of what a close has given back in part", () => {
  /** 10 units for 50.00, which the bill rates at 10.00: the close gives 40.00 back, and no usage. */
  const closed = () => {
    const ledger = fundedLedger("100");
    ledger.run(sampleCharge("a", money("50"), { quantity: units("10") }));
    ledger.run(sampleTrueUp(ledger, money("10")));
    expect(ledger.authorization("a")).toMatchObject({
      refunded: money("40"),
      refundedQuantity: 0n,
    });
    return ledger;
  };

  test("undoes as much of the usage as it is of the money that stands", () => {
    const ledger = closed();
    // 5.00 of 10.00, of 10 units; then 1.00 of 5.00, of 5 units.
    ledger.run(sampleRefund("half", "a", money("5")));
    expect(undone(ledger)).toBe(units("5"));
    ledger.run(sampleRefund("fifth", "a", money("1")));
    expect(undone(ledger)).toBe(units("6"));
    ledger.run(sampleRefund("rest", "a", null));
    expect(undone(ledger)).toBe(units("10"));
    expect(ledger.events.map(({ quantity }) => quantity)).toEqual(
      ["10", "-5", "-1", "-4"].map(units),
    );
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("goes on from there after another close", () => {
    const ledger = closed();
    ledger.run(sampleRefund("half", "a", money("5")));
    ledger.run(sampleTrueUp(ledger, money("2")));
    // 5 units for 2.00 stand.
    ledger.run(sampleRefund("quarter", "a", money("0.5")));
    expect(undone(ledger)).toBe(units("6.25"));
  });
});

test("what does not divide is undone with the last atom", () => {
  const ledger = fundedLedger("100");
  ledger.run(sampleCharge("a", 3n, { quantity: 10n }));
  for (const [id, left] of [
    ["first", 7n],
    ["second", 4n],
    ["third", 0n],
  ] as const) {
    // 10 × 1/3, 7 × 1/2, 4 × 1/1, rounded down.
    ledger.run(sampleRefund(id, "a", 1n));
    expect(10n - undone(ledger)).toBe(left);
  }
});
