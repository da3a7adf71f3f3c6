import { describe, expect, test } from "vitest";
import { columnsOf, decisionOf, remainingOf, SampleLedger } from "./sample-ledger.ts";
import {
  money,
  sampleCharge,
  sampleDebtLimit,
  sampleGrant,
  sampleHold,
  sampleRecord,
  sampleRefund,
  sampleSettle,
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
  expect(remainingOf(ledger, "g", "g~rollover")).toEqual(["0", "2"]);
});

test("a grant that says no time takes effect when it is booked, before what is asked behind it", () => {
  const ledger = new SampleLedger();
  ledger.now = 7;
  const grant = sampleGrant("g", money("10"), { effectiveAt: null });
  const [, charge] = ledger.run(grant, sampleCharge("c", money("1")));
  expect(decisionOf(charge)).toBe("allow");
  expect(ledger.grant("g")).toMatchObject({ state: "active", terms: { effectiveAt: 7 } });
});

test("a hold that ends later does not settle out of a rollover that has ended, however late both are seen (I22, I23)", () => {
  const ledger = new SampleLedger();
  const rollover = { max: money("8"), min: 0n, expiresAfterMs: 50 };
  ledger.run(sampleDebtLimit(0n, { mode: "soft" }));
  ledger.run(sampleHold("h", money("3"), { ttlMs: 200, onExpiry: "settle" }));
  ledger.run(sampleGrant("g", money("8"), { expiresAt: 100, rollover }));
  // The grant ends at 100, its rollover at 150, the hold at 200.
  ledger.now = 300;
  ledger.run(sampleGrant("next", money("1")));
  expect(remainingOf(ledger, "g", "g~rollover", "next")).toEqual(["0", "0", "1"]);
  expect(ledger.authorization("h")).toMatchObject({ state: "SETTLED", shortfall: money("3") });
});

const forChat = {
  appliesTo: { products: [], features: ["chat"], meters: [] },
  purpose: "bundled" as const,
};

/** 20 for chat only and 5 for anything; what images have cost beyond it is owed. */
const indebted = (cost: string): SampleLedger => {
  const ledger = new SampleLedger();
  ledger.run(
    sampleDebtLimit(money("50")),
    sampleGrant("chat", money("20"), forChat),
    sampleGrant("free", money("5")),
    sampleRecord(sampleCharge("images", money(cost), { scope: { feature: "images" } })),
  );
  return ledger;
};

test("a credit repays debt out of itself, not out of what was granted for something else", () => {
  const ledger = indebted("11");
  ledger.run(sampleGrant("paid", money("10"), { purpose: "paid" }));
  // 11 − 5 = 6 were owed.
  expect(remainingOf(ledger, "chat", "free", "paid")).toEqual(["20", "0", "4"]);
  expect(columnsOf(ledger)).toMatchObject({ X: "0", available: "24" });
  ledger.run(sampleRefund("r", "images", money("6")));
  expect(remainingOf(ledger, "chat", "images~debt:refund:r")).toEqual(["20", "6"]);
});

test("a credit that is for something repays whatever is owed, as every credit does (f.1)", () => {
  const ledger = indebted("11");
  ledger.run(sampleGrant("more-chat", money("10"), forChat));
  expect(remainingOf(ledger, "chat", "more-chat")).toEqual(["20", "4"]);
  expect(columnsOf(ledger)).toMatchObject({ X: "0" });
});

test("a refund repays debt out of the grants it comes back to", () => {
  const ledger = new SampleLedger();
  ledger.run(
    sampleDebtLimit(money("50")),
    sampleGrant("first", money("3"), { purpose: "paid", expiresAt: 100 }),
    sampleGrant("second", money("5")),
    sampleCharge("paid", money("7")),
    sampleGrant("chat", money("20"), forChat),
    sampleRecord(sampleCharge("images", money("8"), { scope: { feature: "images" } })),
  );
  ledger.now = 100;
  // 8 − 1 = 7 are owed. Of 7 that come back the newer 4 are the second's, 3 the first's, which is over.
  ledger.run(sampleRefund("r", "paid", money("5")));
  expect(columnsOf(ledger)).toMatchObject({ X: "2", available: "18" });
  ledger.run(sampleRefund("r2", "paid", null));
  expect(columnsOf(ledger)).toMatchObject({ X: "0", available: "20" });
  expect(remainingOf(ledger, "chat", "second", "first~refund:r", "first~refund:r2")).toEqual([
    "20",
    "0",
    "0",
    "0",
  ]);
});

describe("a grant of 5 that ends at 100, while a hold of 8 lasts until 200", () => {
  const held = (onExpiry: "settle" | "release", purpose: "paid" | "promotional"): SampleLedger => {
    const ledger = new SampleLedger();
    ledger.run(
      sampleGrant("g1", money("5"), { expiresAt: 100, purpose, priority: 1 }),
      sampleGrant("g2", money("20")),
    );
    ledger.run(sampleHold("h", money("8"), { ttlMs: 200, onExpiry }));
    ledger.now = 250;
    ledger.run();
    return ledger;
  };

  test("pays what the end of the hold settles, and what comes back of it is forfeited", () => {
    const ledger = held("settle", "promotional");
    expect(columnsOf(ledger)).toMatchObject({ C: "25", D: "8", H: "0", available: "17" });
    ledger.run(sampleRefund("r", "h", null));
    expect(ledger.grant("g1")).toMatchObject({ consumed: 0n, breakage: money("5") });
    expect(columnsOf(ledger)).toMatchObject({ C: "20", D: "0", available: "20" });
  });

  test("comes back of a paid one as a grant of its own", () => {
    const ledger = held("settle", "paid");
    ledger.run(sampleRefund("r", "h", null));
    expect(remainingOf(ledger, "g1", "g2", "g1~refund:r")).toEqual(["0", "20", "5"]);
    expect(columnsOf(ledger)).toMatchObject({ C: "25", D: "0", available: "25" });
  });

  test("is forfeited with what the end of the hold releases, and pays nothing that is settled late", () => {
    const ledger = held("release", "promotional");
    expect(columnsOf(ledger)).toMatchObject({ C: "20", D: "0", H: "0", available: "20" });
    ledger.run(sampleSettle("h", money("8")));
    expect(remainingOf(ledger, "g1", "g2")).toEqual(["0", "12"]);
    expect(columnsOf(ledger)).toMatchObject({ C: "20", D: "8", available: "12" });
  });
});
