import { describe, expect, test } from "vitest";
import { brokenInvariants } from "./invariants.ts";
import { columnsOf, type SampleLedger } from "./sample-ledger.ts";
import {
  fundedLedger,
  money,
  sampleCharge,
  sampleHold,
  sampleRefund,
  sampleSettle,
  sampleTrueUp,
  units,
  usedAmount,
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

/** What a correction takes back of a part: at most what is left of the money. */
const undo = (id: string, amount: string, ...quantities: readonly string[]) => ({
  ...sampleRefund(id, "a", money(amount)),
  quantities: quantities.map(units),
  isMetered: false,
});

describe("a part of a hold that is undone takes what it used itself", () => {
  const parted = (...parts: readonly (readonly [amount: string, quantity: string])[]) => {
    const ledger = fundedLedger("100");
    ledger.run(sampleHold("a", money("20"), { quantity: units("1000") }));
    for (const [nth, [amount, quantity]] of parts.entries()) {
      const used = usedAmount(money(amount), units(quantity));
      const isFinal = nth === parts.length - 1;
      ledger.run(sampleSettle("a", 0n, { sequence: nth, used, isFinal }));
    }
    return ledger;
  };

  test("the dear units of a ladder: a refund of the rest is in proportion to the rest", () => {
    const ledger = parted(["10", "10"], ["9.9", "990"]);
    ledger.run(undo("first", "10", "10"));
    expect(undone(ledger)).toBe(units("10"));
    // 3.30 of 9.90, of 990 units.
    ledger.run(sampleRefund("third", "a", money("3.3")));
    expect(undone(ledger)).toBe(units("340"));
    expect(columnsOf(ledger).available).toBe("93.4");
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("the free ones, before and after all that was paid has come back", () => {
    const ledger = parted(["0", "500"], ["1", "100"], ["0", "7"]);
    ledger.run(undo("free", "0", "500"));
    expect(undone(ledger)).toBe(units("500"));
    ledger.run(undo("paid", "1", "100"));
    expect(undone(ledger)).toBe(units("600"));
    ledger.run(undo("last", "0", "7"));
    expect(undone(ledger)).toBe(units("607"));
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("no more than is left of it", () => {
    const ledger = parted(["8", "1"], ["2", "9"]);
    ledger.run(sampleRefund("most", "a", money("9")));
    ledger.run(undo("second", "1", "9"));
    expect(undone(ledger)).toBe(units("10"));
  });
});

test("only what takes the last of the money undoes as a whole where that is asked for", () => {
  const ledger = fundedLedger("100");
  ledger.run(sampleCharge("a", money("8"), { quantity: units("3") }));
  const undoes = "inProportionThenWhole" as const;
  ledger.run({ ...sampleRefund("half", "a", money("4")), undoes });
  ledger.run({ ...sampleRefund("rest", "a", null), undoes });
  expect(ledger.events).toMatchObject([
    { quantity: units("3"), undoes: null },
    { quantity: -units("1.5"), undoes: "inProportion" },
    { quantity: -units("1.5"), undoes: "whole" },
  ]);
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
