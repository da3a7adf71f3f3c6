import { expect, test } from "vitest";
import { columnsOf, decisionOf, remainingOf, SampleLedger } from "./sample-ledger.ts";
import {
  money,
  sampleCharge,
  sampleDebtLimit,
  sampleGrant,
  sampleRecord,
} from "./sample-request.ts";

test("what a rollover adds as its floor repays debt first (f.1, I4)", () => {
  const ledger = new SampleLedger();
  const rollover = { max: money("8"), min: money("8"), expiresAfterMs: 1000 };
  ledger.run(sampleDebtLimit(money("5")));
  ledger.run(sampleGrant("g", money("10"), { expiresAt: 100, rollover }));
  ledger.run(sampleRecord(sampleCharge("late", money("15"))));
  expect(columnsOf(ledger)).toMatchObject({ available: "-5", X: "5" });
  ledger.now = 100;
  // Nothing was left, 8 are new: 5 of them repay.
  expect(decisionOf(ledger.one(sampleCharge("c", money("1"))))).toBe("allow");
  expect(columnsOf(ledger)).toEqual({ C: "18", D: "16", H: "0", X: "0", available: "2" });
  expect(remainingOf(ledger, "g", "g#rollover")).toEqual(["0", "2"]);
});
