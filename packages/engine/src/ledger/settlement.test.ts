import { describe, expect, test } from "vitest";
import type { Budget } from "./budget-window.ts";
import { brokenInvariants } from "./invariants.ts";
import type { Authorize, Request } from "./request.ts";
import { columnsOf, type Setup } from "./sample-ledger.ts";
import {
  fundedLedger,
  money,
  sampleCharge,
  sampleDebtLimit,
  sampleExtend,
  sampleGrant,
  sampleHold,
  sampleSettle,
  units,
  usedAmount,
} from "./sample-request.ts";

describe("late settlement under reject of an expired hold of 6 on 10: a fresh charge, or nothing", () => {
  const expired = (setup: Setup = {}, more: Partial<Authorize> = {}) => {
    const ledger = fundedLedger("10", setup);
    ledger.run(sampleHold("h", money("6"), { ttlMs: 10, settleOverage: "reject", ...more }));
    ledger.now = 10;
    return ledger;
  };
  const refused = { kind: "conflict", code: "OVERAGE_REJECTED", state: "EXPIRED" };

  test("takes what is there", () => {
    const ledger = expired();
    expect(ledger.one(sampleSettle("h", money("5")))).toMatchObject({
      state: "SETTLED_LATE",
      shortfall: 0n,
    });
    expect(columnsOf(ledger)).toMatchObject({ D: "5", H: "0", available: "5" });
  });

  test("is refused where that is less, and then taken once it is there", () => {
    const ledger = expired();
    ledger.run(sampleCharge("c", money("7")), sampleDebtLimit(money("2")));
    expect(ledger.one(sampleSettle("h", money("5")))).toMatchObject(refused);
    expect(columnsOf(ledger)).toMatchObject({ D: "7", X: "0", available: "3" });
    ledger.run(sampleGrant("more", money("2")));
    expect(ledger.one(sampleSettle("h", money("5")))).toMatchObject({ state: "SETTLED_LATE" });
    expect(columnsOf(ledger)).toMatchObject({ D: "12", X: "0", available: "0" });
  });

  test("is refused beyond a hard budget, of money or of a unit", () => {
    const limited = (counts: Budget["counts"], limit: bigint): Budget => ({
      id: "b",
      code: "b",
      scope: {},
      counts,
      window: { kind: "lifetime" },
      zone: "UTC",
      anchor: null,
      limit,
      mode: "hard",
      alertPercents: [],
    });
    const byMoney = expired({ budgets: [limited({ asset: "USD" }, money("6"))] });
    expect(byMoney.one(sampleSettle("h", money("6.000001")))).toMatchObject(refused);
    expect(byMoney.one(sampleSettle("h", money("6")))).toMatchObject({ state: "SETTLED_LATE" });
    const byUnit = expired(
      { budgets: [limited({ unit: "token" }, units("3"))] },
      { unit: "token" },
    );
    const late = (quantity: string) =>
      byUnit.one(sampleSettle("h", money("1"), { used: usedAmount(money("1"), units(quantity)) }));
    expect(late("4")).toMatchObject(refused);
    expect(late("3")).toMatchObject({ state: "SETTLED_LATE" });
    expect(brokenInvariants(byUnit.state, byUnit.postings)).toEqual([]);
  });
});

describe("a part begins the idle timeout again", () => {
  const idle = { idleTimeoutMs: 10_000, ttlMs: 25_000 };
  const part = (sequence: number) => sampleSettle("h", money("1"), { sequence, isFinal: false });
  /** When a hold of 60 ends that a part is reported of each 8 s. */
  const ends = (more: Partial<Authorize>, actions: readonly Request[]) => {
    const ledger = fundedLedger("100");
    ledger.run(sampleHold("h", money("60"), { ...idle, ...more }));
    return actions.map((action) => {
      ledger.now += 8_000;
      const outcome = ledger.one(action);
      return outcome.kind === "settled" ? (outcome.validUntil ?? outcome.state) : outcome.kind;
    });
  };

  test("of a hold, within the time that it was opened for", () => {
    const parts = [part(1), part(2), part(3), part(4)];
    expect(ends({}, parts)).toEqual([18_000, 25_000, 25_000, "SETTLED_LATE"]);
  });

  test("of a hold that was extended beyond that, and of a session", () => {
    const extended = [part(1), part(2), sampleExtend("h", 0n), part(3), part(4)];
    expect(ends({}, extended)).toEqual([18_000, 25_000, 34_000, 42_000, 50_000]);
    const parts = [part(1), part(2), part(3), part(4)];
    expect(ends({ mode: "session" }, parts)).toEqual([18_000, 26_000, 34_000, 42_000]);
  });

  test("and no other life", () => {
    const parts = [part(1), part(2), part(3), part(4)];
    const never = { idleTimeoutMs: null };
    expect(ends(never, parts)).toEqual([25_000, 25_000, 25_000, "SETTLED_LATE"]);
  });
});

test("maxAmount bounds what a hold is opened at, not what is added to it or settled of it", () => {
  const ledger = fundedLedger("100");
  const opened = { maxAmount: money("6") };
  expect(ledger.one(sampleHold("dear", money("6.000001"), opened))).toMatchObject({
    reasons: [{ code: "DENIED_POLICY", policy: "MAX_AMOUNT" }],
  });
  ledger.run(sampleHold("h", money("5"), opened));
  expect(ledger.one(sampleExtend("h", money("50")))).toMatchObject({ held: money("55") });
  expect(ledger.one(sampleSettle("h", money("60")))).toMatchObject({ shortfall: 0n });
  expect(columnsOf(ledger)).toMatchObject({ D: "60", H: "0", available: "40" });
});
