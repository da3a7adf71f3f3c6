import { columnsOf, decisionOf, type SampleLedger } from "./sample-ledger.ts";
import type { Budget } from "./budget-window.ts";
import type { OpenLease, Request, Spend } from "./request.ts";
import { brokenInvariants } from "./invariants.ts";
import {
  fundedLedger,
  money,
  sampleCharge,
  sampleExtend,
  sampleGrant,
  sampleHold,
  sampleRefund,
  sampleSettle,
  sampleTrueUp,
  sampleUpdate,
  sampleVoid,
  units,
  usedAmount,
} from "./sample-request.ts";
import { describe, expect, test } from "vitest";

const leaseOf20 = (onExpiry: "settle" | "release"): OpenLease => ({
  kind: "openLease",
  id: "l",
  fingerprint: "l",
  account: "acme",
  key: "key-1",
  asset: "USD",
  amount: money("20"),
  ttlMs: 60_000,
  onExpiry,
  settleOverage: "debt",
});

const leased = (onExpiry: "settle" | "release") => {
  const ledger = fundedLedger("100");
  ledger.run(leaseOf20(onExpiry));
  expect(columnsOf(ledger).available).toBe("80");
  return ledger;
};

test("a budget of an access key holds for its leases too", () => {
  const budget = (key: string, limit: string): Budget => ({
    id: key,
    code: key,
    scope: { key },
    counts: { asset: "USD" },
    window: { kind: "lifetime" },
    zone: "UTC",
    anchor: null,
    limit: money(limit),
    mode: "hard",
    alertPercents: [],
  });
  const decided = (...budgets: Budget[]) =>
    decisionOf(fundedLedger("100", { budgets }).one(leaseOf20("release")));
  expect(decided(budget("key-1", "19.999999"))).toBe("deny");
  expect(decided(budget("key-1", "20"), budget("key-2", "1"))).toBe("allow");
});

test("a budget of a product counts the money that is spent of a lease on it, in the window of the lease", () => {
  const budget = (product: string, limit: string): Budget => ({
    id: product,
    code: product,
    scope: { product },
    counts: { asset: "USD" },
    window: { kind: "hour" },
    zone: "UTC",
    anchor: null,
    limit: money(limit),
    mode: "hard",
    alertPercents: [],
  });
  const ledger = fundedLedger("100", { budgets: [budget("p", "15"), budget("q", "15")] });
  const spend = (id: string, product: string, amount: string): Spend => ({
    id,
    meter: "calls",
    product,
    quantity: units("1"),
    units: [],
    further: [],
    fields: null,
    amount: money(amount),
    occurredAt: 1,
  });
  const spent = (sequence: number, ...spends: readonly Spend[]): Request => ({
    kind: "reportLease",
    id: "l",
    fingerprint: `${sequence}`,
    sequence,
    spends,
    isFinal: false,
  });
  const used = () =>
    ["p@0", "q@0"].map((id) => {
      const { posted, held } = ledger.state.counters.get(id) ?? { posted: 0n, held: 0n };
      return [posted / money("1"), held];
    });
  ledger.run({ ...leaseOf20("release"), ttlMs: 7_200_000 });
  ledger.now = 3_600_000;
  ledger.run(spent(1, spend("a", "p", "8"), spend("b", "q", "3"), spend("c", "p", "4")));
  expect(used()).toEqual([
    [12n, 0n],
    [3n, 0n],
  ]);
  // 5 of these 13 were in the lease; it happened, however much of the budget is left.
  ledger.run(spent(2, spend("d", "q", "13")), sampleRefund("r", "a", money("2")));
  expect(used()).toEqual([
    [10n, 0n],
    [16n, 0n],
  ]);
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
});

const report = (ledger: SampleLedger, { isFinal = true } = {}) =>
  ledger.one({
    kind: "reportLease",
    id: "l",
    fingerprint: "r",
    sequence: 1,
    spends: [
      {
        id: "s1",
        meter: "calls",
        product: null,
        quantity: units("1"),
        units: [],
        further: [],
        fields: null,
        amount: money("8"),
        occurredAt: 1,
      },
      {
        id: "s2",
        meter: "calls",
        product: null,
        quantity: units("1"),
        units: [],
        further: [],
        fields: null,
        amount: money("5"),
        occurredAt: 2,
      },
    ],
    isFinal,
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

  test("what its end took comes back by a refund of the lease, what was spent by one of the spend", () => {
    const ledger = leased("settle");
    const open = { kind: "conflict", code: "WRONG_STATE", state: "HELD" };
    expect(ledger.one(sampleRefund("early", "l", null))).toMatchObject(open);
    report(ledger, { isFinal: false });
    ledger.now = 60_000;
    expect(ledger.one(sampleRefund("r1", "l", money("7.000001")))).toMatchObject({
      code: "REFUND_EXCEEDS_SETTLED",
    });
    expect(ledger.one(sampleRefund("r2", "l", money("2")))).toMatchObject({ kind: "booked" });
    expect(columnsOf(ledger)).toMatchObject({ D: "18", available: "82" });
    expect(ledger.one(sampleRefund("r3", "l", null))).toMatchObject({ amount: money("5") });
    expect(columnsOf(ledger)).toMatchObject({ D: "13", available: "87" });
    expect(ledger.authorization("l")).toMatchObject({
      settled: money("20"),
      refunded: money("7"),
    });
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
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

describe("a late report of 13 under reject", () => {
  const expired = () => {
    const ledger = fundedLedger("100");
    ledger.run({ ...leaseOf20("release"), settleOverage: "reject" });
    ledger.now = 60_000;
    return ledger;
  };

  test("is taken from what is available", () => {
    const ledger = expired();
    expect(report(ledger)).toMatchObject({ state: "SETTLED_LATE", amount: money("13") });
    expect(columnsOf(ledger)).toMatchObject({ D: "13", available: "87" });
    expect(ledger.authorization("s1")).toMatchObject({ settled: money("8") });
    expect(ledger.events.map((event) => event.id)).toEqual(["s1", "s2"]);
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("is refused where that is less", () => {
    const ledger = expired();
    ledger.run(sampleCharge("other", money("88")));
    expect(report(ledger)).toMatchObject({ code: "OVERAGE_REJECTED", state: "EXPIRED" });
    expect(columnsOf(ledger)).toMatchObject({ D: "88", available: "12" });
  });
});

describe("what a client spent of a lease", () => {
  test("is refunded like any charge, with its usage", () => {
    const ledger = leased("release");
    report(ledger);
    expect(ledger.one(sampleRefund("r1", "s1", money("2")))).toMatchObject({ kind: "booked" });
    // 100 − 13 + 2; a quarter of one unit.
    expect(columnsOf(ledger)).toMatchObject({ D: "11", available: "89" });
    expect(ledger.events.at(-1)).toMatchObject({ meter: "calls", quantity: -units("0.25") });
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("is given back by the close of its period where it was too much", () => {
    const ledger = leased("release");
    report(ledger);
    // Rated at 9 where 13 was spent: 4 come back, of the newest spend.
    ledger.run(sampleTrueUp(ledger, money("9"), { authorizations: ["s2", "s1"] }));
    expect(columnsOf(ledger)).toMatchObject({ D: "9", available: "91" });
    expect(ledger.authorization("s2")).toMatchObject({ settled: money("5"), refunded: money("4") });
  });

  test("has a uid that nothing else may have", () => {
    const ledger = leased("release");
    ledger.run(sampleCharge("s2", money("1")));
    expect(report(ledger)).toMatchObject({ kind: "conflict", code: "ID_REUSED" });
    expect(columnsOf(ledger)).toMatchObject({ D: "1", H: "20" });
    expect(ledger.events).toHaveLength(1);
  });

  test("beyond the lease is taken from what is available, then nobody's", () => {
    const ledger = leased("release");
    ledger.run(sampleCharge("other", money("75")));
    const spends = ["a", "b"].map((id) => ({
      id,
      meter: "calls",
      product: null,
      quantity: units("1"),
      units: [],
      further: [],
      fields: null,
      amount: money("15"),
      occurredAt: 1,
    }));
    const answer = ledger.one({
      kind: "reportLease",
      id: "l",
      fingerprint: "more",
      sequence: 1,
      spends,
      isFinal: true,
    });
    // 20 of the lease, 5 that are available, 5 that are not there.
    expect(answer).toMatchObject({ amount: money("30"), shortfall: money("5"), held: 0n });
    expect(ledger.authorization("a")).toMatchObject({ settled: money("15"), shortfall: 0n });
    expect(ledger.authorization("b")).toMatchObject({ shortfall: money("5") });
    expect(columnsOf(ledger)).toMatchObject({ D: "100", H: "0", available: "0" });
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });
});

test("what is spent beyond a lease may take grants for its product", () => {
  const ledger = fundedLedger("20");
  const appliesTo = { products: ["p"], features: [], meters: [] };
  ledger.run(leaseOf20("release"), sampleGrant("for p", money("7"), { appliesTo }));
  const spend = { id: "s", product: "p", amount: money("26"), occurredAt: 1, meter: "calls" };
  const counted = { quantity: units("1"), units: [], further: [], fields: null };
  const answer = ledger.one({
    kind: "reportLease",
    id: "l",
    fingerprint: "r",
    sequence: 1,
    spends: [{ ...spend, ...counted }],
    isFinal: true,
  });
  expect(answer).toMatchObject({ amount: money("26"), shortfall: 0n });
  expect(columnsOf(ledger)).toMatchObject({ D: "26", available: "1" });
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
});

describe("a lease is a hold under a name of its own", () => {
  const unknown = { kind: "conflict", code: "NOT_FOUND" };
  const renewal = { kind: "renewLease", fingerprint: "renew", sequence: 1, ttlMs: 1 } as const;
  const next = { quantity: 0n, price: usedAmount(0n).price };

  test("what is done to authorizations does not know it, whatever was done to it before", () => {
    const ledger = leased("release");
    const commands: Request[] = [
      sampleSettle("l", money("3")),
      sampleExtend("l", money("3")),
      sampleUpdate("l", 1, { used: usedAmount(money("3")), request: next }),
      sampleVoid("l"),
    ];
    for (const command of commands) expect(ledger.one(command)).toMatchObject(unknown);
    expect(columnsOf(ledger)).toMatchObject({ D: "0", H: "20", available: "80" });
    report(ledger);
    for (const command of commands) expect(ledger.one(command)).toMatchObject(unknown);
  });

  test("what is done to leases does not know another hold, which can then still be voided", () => {
    const ledger = fundedLedger("100");
    ledger.run(sampleHold("l", money("20")));
    expect(report(ledger)).toMatchObject(unknown);
    expect(ledger.one({ ...renewal, id: "l" })).toMatchObject(unknown);
    expect(ledger.one({ kind: "releaseLease", id: "l", fingerprint: "release" })).toMatchObject(
      unknown,
    );
    expect(columnsOf(ledger)).toMatchObject({ D: "0", H: "20" });
    expect(ledger.one(sampleVoid("l"))).toMatchObject({ kind: "settled", state: "VOIDED" });
  });
});
