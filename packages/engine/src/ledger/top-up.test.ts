import type { TopUpRule } from "./rows.ts";
import { columnsOf, decisionOf, sampleCustomer, SampleLedger } from "./sample-ledger.ts";
import { money, fundedLedger, sampleCharge } from "./sample-request.ts";
import { describe, expect, test } from "vitest";

const rule: TopUpRule = {
  id: "auto",
  walletAccount: "USD/acme",
  threshold: money("20"),
  creditAmount: money("100"),
  chargeAmount: "103.30",
  paymentMethod: "card-1",
  windowMs: 86_400_000,
  countMax: 10,
  inFlight: null,
  startedAt: [],
  failures: 0,
  isSuspended: false,
};

const automatic = () => fundedLedger("100", { topUpRules: [rule] });

const pending = (ledger: SampleLedger) =>
  [...ledger.state.topUps.values()].filter((row) => row.state === "pending");

describe("W14 auto top-up below 20, credit 100", () => {
  test("70, 40, 10: one top-up, 110 after it", () => {
    const ledger = automatic();
    for (const id of ["a", "b", "c"]) ledger.run(sampleCharge(id, money("30")));
    expect(columnsOf(ledger).available).toBe("10");
    const [topUp, ...others] = pending(ledger);
    expect(others).toEqual([]);
    expect(topUp?.id).toContain("~");
    expect(topUp).toMatchObject({ chargeAmount: "103.30", creditAmount: money("100") });
    const credit = { kind: "creditTopUp", id: topUp?.id ?? "", fingerprint: "p1", payment: "p1" };
    ledger.run({ ...credit, kind: "creditTopUp" });
    expect(columnsOf(ledger).available).toBe("110");
  });

  test("three failures suspend until another card", () => {
    const ledger = automatic();
    const failed = [90, 1, 1].map((amount, i) => {
      ledger.now = i;
      ledger.run(sampleCharge(`c${i}`, money(`${amount}`)));
      const [topUp] = pending(ledger);
      return ledger.one({ kind: "failTopUp", id: topUp?.id ?? "", fingerprint: "f" }).kind;
    });
    expect(failed).toEqual(["booked", "booked", "booked"]);
    ledger.run(sampleCharge("c3", money("1")));
    expect(pending(ledger)).toEqual([]);
    const change = (paymentMethod: string) =>
      ledger.one({
        kind: "changePaymentMethod",
        id: "auto",
        fingerprint: paymentMethod,
        paymentMethod,
      });
    expect(change("card-1")).toMatchObject({ code: "SAME_PAYMENT_METHOD" });
    expect(change("card-2").kind).toBe("booked");
    ledger.run(sampleCharge("c4", money("1")));
    expect(pending(ledger)).toHaveLength(1);
  });

  test("what fails for the card that was replaced meanwhile is no failure of the next", () => {
    const ledger = automatic();
    const charge = (id: string, amount: string) => ledger.run(sampleCharge(id, money(amount)));
    const change = { kind: "changePaymentMethod", id: "auto", fingerprint: "2" } as const;
    const fail = () => {
      const [topUp] = pending(ledger);
      ledger.run({ kind: "failTopUp", id: topUp?.id ?? "", fingerprint: "f" });
      return ledger.state.topUpRules.get("auto");
    };
    charge("a", "90");
    ledger.run({ ...change, paymentMethod: "card-2" });
    expect(fail()).toMatchObject({ inFlight: null, failures: 0, isSuspended: false });
    for (const failures of [1, 2, 3]) {
      ledger.now = failures;
      charge(`b${failures}`, "1");
      expect(fail()).toMatchObject({ failures, isSuspended: failures === 3 });
    }
  });

  test("an empty wallet, whose every charge is denied, gets one", () => {
    const ledger = new SampleLedger({ topUpRules: [rule] });
    const deniedOne = (id: string) => {
      expect(decisionOf(ledger.one(sampleCharge(id, money("1"))))).toBe("deny");
      return pending(ledger);
    };
    expect(deniedOne("a")).toHaveLength(1);
    expect(deniedOne("b")).toHaveLength(1);
    for (const [nth, next] of [1, 1, 0].entries()) {
      ledger.now = nth;
      ledger.run({ kind: "failTopUp", id: pending(ledger)[0]?.id ?? "", fingerprint: "f" });
      // What was declined is not asked for again before somebody comes back.
      expect(pending(ledger)).toEqual([]);
      expect(deniedOne(`after ${nth}`)).toHaveLength(next);
    }
  });

  test("a check of who is low already starts none, a denied charge does", () => {
    const ledger = new SampleLedger({ topUpRules: [rule] });
    ledger.run();
    ledger.run(sampleCharge("check", money("1"), { mode: "check" }));
    ledger.run(sampleCharge("dry", money("1"), { isDryRun: true }));
    expect(pending(ledger)).toEqual([]);
    ledger.run(sampleCharge("denied", money("1")));
    expect(pending(ledger)).toHaveLength(1);
  });

  test("who is frozen can spend nothing and is asked for nothing", () => {
    const ledger = new SampleLedger({
      topUpRules: [rule],
      customers: [{ ...sampleCustomer("acme"), isFrozen: true }],
    });
    ledger.run(sampleCharge("a", money("1")));
    expect(pending(ledger)).toEqual([]);
  });

  test("what began before a longer window was set counts in it", () => {
    const hourly = fundedLedger("100", {
      topUpRules: [{ ...rule, windowMs: 3_600_000, countMax: 1 }],
    });
    for (const [hour, amount] of [
      [1, "85"],
      [2, "1"],
    ] as const) {
      hourly.now = hour * 3_600_000;
      hourly.run(sampleCharge(amount, money(amount)));
      const [topUp] = pending(hourly);
      expect(topUp).toBeDefined();
      hourly.run({ kind: "failTopUp", id: topUp?.id ?? "", fingerprint: "f" });
    }
    const [known = rule] = hourly.state.topUpRules.values();
    const daily = (countMax: number) => {
      const changed = { ...known, windowMs: 86_400_000, countMax };
      const ledger = fundedLedger("100", { topUpRules: [changed] });
      ledger.now = 4 * 3_600_000;
      ledger.run(sampleCharge("later", money("85")));
      return pending(ledger);
    };
    expect(daily(2)).toEqual([]);
    expect(daily(3)).toHaveLength(1);
  });
});
