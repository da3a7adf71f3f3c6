import { describe, expect, test } from "vitest";
import { brokenInvariants } from "./invariants.ts";
import { columnsOf, decisionOf, reasonsOf, type SampleLedger } from "./sample-ledger.ts";
import {
  fundedLedger,
  money,
  sampleCharge,
  sampleExtend,
  sampleHold,
  sampleSettle,
} from "./sample-request.ts";

describe("an asset that is named twice pays once: 10 USD, assets [USD, USD]", () => {
  const assets = ["USD", "USD"];
  const held5 = (): SampleLedger => {
    const ledger = fundedLedger("10");
    ledger.run(sampleHold("h", money("5"), { assets }));
    return ledger;
  };

  test.each(["check", "charge", "hold"] as const)("a %s of 15 is denied", (mode) => {
    const outcome = fundedLedger("10").one(sampleCharge("c", money("15"), { mode, assets }));
    expect(decisionOf(outcome)).toBe("deny");
    expect(reasonsOf(outcome)).toMatchObject([
      { code: "INSUFFICIENT_FUNDS", shortfall: money("5") },
    ]);
  });

  test("of 15, 10 are granted where a part may be", () => {
    const outcome = fundedLedger("10").one(
      sampleCharge("c", money("15"), { partial: "allow", quantity: 0n, assets }),
    );
    expect(outcome).toMatchObject({ decision: "partial", amount: money("10") });
  });

  test("a hold of 5 is settled at 12: 10 of it are paid", () => {
    const ledger = held5();
    const settled = ledger.one(sampleSettle("h", money("12")));
    expect(settled).toMatchObject({ state: "SETTLED", shortfall: money("2") });
    expect(columnsOf(ledger)).toMatchObject({ D: "10", H: "0", available: "0" });
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("a hold of 5 has room for 5 more, not for 8", () => {
    const ledger = held5();
    expect(ledger.one(sampleExtend("h", money("8")))).toMatchObject({ code: "INSUFFICIENT_FUNDS" });
    expect(ledger.one(sampleExtend("h", money("5"), 2))).toMatchObject({ held: money("10") });
  });
});
