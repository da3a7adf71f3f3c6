import { describe, expect, test } from "vitest";
import type { Budget } from "./budget-window.ts";
import { brokenInvariants } from "./invariants.ts";
import type { Price, Rateable } from "./price.ts";
import type { Authorize, OpenLease, ReportLease, Spend } from "./request.ts";
import { decisionOf, type SampleLedger } from "./sample-ledger.ts";
import {
  fundedLedger,
  money,
  sampleRateable,
  sampleRefund,
  sampleRequest,
  sampleSettle,
  sampleTariff,
  sampleUpdate,
  sampleUsed,
  sampleVoid,
  units,
} from "./sample-request.ts";

/** Input and output tokens have prices of their own and one unit; calls are counted besides. */
const tariff = sampleTariff(true, ["0", "0.01"]);

const price = (output: string, calls = "1"): Rateable => ({
  ...sampleRateable(tariff),
  position: "input",
  further: [
    {
      tariff: { ...tariff, version: "v2" },
      position: "output",
      quantity: units(output),
      unit: "token",
    },
    {
      tariff: { ...tariff, version: "v3" },
      position: "calls",
      quantity: units(calls),
      unit: "call",
    },
  ],
});

const budget = (unit: string, limit: string): Budget => ({
  id: unit,
  code: unit,
  scope: {},
  counts: { unit },
  window: { kind: "lifetime" },
  zone: "UTC",
  anchor: null,
  limit: units(limit),
  mode: "hard",
  alertPercents: [50],
});

const open = (limits: Readonly<Record<string, string>> = { token: "100", call: "3" }) =>
  fundedLedger("100", {
    budgets: Object.entries(limits).map(([unit, limit]) => budget(unit, limit)),
  });

const use = (ledger: SampleLedger, id: string, input: string, more: Partial<Authorize>) =>
  ledger.one(sampleRequest(id, { quantity: units(input), unit: "token", ...more }));

const counted = (ledger: SampleLedger, unit: string): string[] => {
  const row = ledger.state.counters.get(`${unit}@0`);
  return [row?.posted ?? 0n, row?.held ?? 0n].map((quantity) => (quantity / units("1")).toString());
};

test("all quantities of a budget's unit count, each other unit for itself", () => {
  const ledger = open();
  expect(use(ledger, "a", "60", { price: price("30") })).toMatchObject({
    remaining: { budgets: [{ used: units("1") }, { used: units("90") }] },
  });
  // 6 + 5 are more than the 10 tokens that are left.
  expect(use(ledger, "b", "6", { price: price("5") })).toMatchObject({
    decision: "deny",
    reasons: [
      {
        code: "BUDGET_EXCEEDED",
        budget: { id: "token", code: "token", unit: "token" },
        used: units("90"),
        requested: units("11"),
      },
    ],
  });
  expect(decisionOf(use(ledger, "c", "6", { price: price("4") }))).toBe("allow");
  expect([counted(ledger, "token"), counted(ledger, "call")]).toEqual([
    ["100", "0"],
    ["2", "0"],
  ]);
  ledger.run(sampleRefund("r", "a", money("0.455")));
  // Half of the money: 30 + 15 tokens and half a call.
  expect(ledger.state.counters.get("call@0")).toMatchObject({ posted: units("1.5") });
  expect(counted(ledger, "token")).toEqual(["55", "0"]);
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
});

test("a hold counts what it asks for, a part what it used; what ends gives its count back", () => {
  const ledger = open();
  const hold = { mode: "hold" } as const;
  use(ledger, "h", "40", { price: price("20"), ...hold });
  expect(counted(ledger, "token")).toEqual(["0", "60"]);
  expect(decisionOf(use(ledger, "more", "30", { price: price("11"), ...hold }))).toBe("deny");
  const used = { used: sampleUsed(price("5", "2"), "10"), isFinal: false };
  ledger.run(sampleSettle("h", 0n, used));
  expect([counted(ledger, "token"), counted(ledger, "call")]).toEqual([
    ["15", "45"],
    ["2", "0"],
  ]);
  ledger.run(sampleVoid("h"));
  expect([counted(ledger, "token"), counted(ledger, "call")]).toEqual([
    ["15", "0"],
    ["2", "0"],
  ]);
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
});

test("a session's next slice needs room for all that it counts", () => {
  const ledger = open({ token: "50" });
  use(ledger, "s", "10", { price: price("10"), mode: "session" });
  const next = (input: string, output: string) => ({
    used: sampleUsed(price("10"), "10"),
    request: { price: price(output), quantity: units(input) },
  });
  expect(ledger.one(sampleUpdate("s", 1, next("10", "20")))).toMatchObject({ state: "HELD" });
  expect(counted(ledger, "token")).toEqual(["20", "30"]);
  // 20 more are used, 40 in all; 5 + 6 do not fit.
  expect(ledger.one(sampleUpdate("s", 2, next("5", "6")))).toMatchObject({
    state: "SETTLED",
    isFinal: true,
  });
  expect(counted(ledger, "token")).toEqual(["40", "0"]);
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
});

test("what no price counts is counted beside the prices, costs nothing, and is granted whole", () => {
  const ledger = open();
  const { further, ...input } = price("0");
  const priced = { ...input, further: further.slice(0, 1) };
  const calls = { quantity: units("1"), unit: "call", position: null };
  const beside: Rateable = { ...priced, further: [...priced.further, calls] };
  expect(use(ledger, "a", "60", { price: beside })).toMatchObject({
    amount: money("0.6"),
    priceVersion: "v1+v2",
    remaining: { budgets: [{ used: units("1") }, { used: units("60") }] },
  });
  const part = { price: beside, partial: "allow" } as const;
  expect(decisionOf(use(ledger, "part", "60", part))).toBe("deny");
  const hold = { price: beside, mode: "hold" } as const;
  use(ledger, "b", "1", hold);
  use(ledger, "c", "1", hold);
  expect(use(ledger, "d", "1", { price: beside })).toMatchObject({
    decision: "deny",
    reasons: [{ code: "BUDGET_EXCEEDED", used: units("3"), requested: units("1") }],
  });
  ledger.run(sampleSettle("b", 0n, { used: sampleUsed(beside, "1"), isFinal: true }));
  ledger.run(sampleVoid("c"));
  expect(counted(ledger, "call")).toEqual(["2", "0"]);
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
});

test("at an explicit price the counts shrink with the money", () => {
  const explicit = (amount: string): Price => ({
    kind: "amount",
    amount: money(amount),
    asset: "USD",
    further: [{ quantity: units("30"), unit: "token", position: null }],
  });
  const ledger = open({ token: "45" });
  const partial = { partial: "allow" } as const;
  // 60 + 30 tokens for 9.00; 45 are half of them.
  expect(use(ledger, "a", "60", { price: explicit("9"), ...partial })).toMatchObject({
    decision: "partial",
    amount: money("4.5"),
    quantity: units("30"),
  });
  expect(ledger.events).toMatchObject([{ quantity: units("30"), further: [units("15")] }]);
  expect(counted(ledger, "token")).toEqual(["45", "0"]);
  expect(decisionOf(use(ledger, "free", "1", { price: explicit("0"), ...partial }))).toBe("deny");
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
});

test("usage that has no parts is undone with the last of the money", () => {
  const ledger = open();
  use(ledger, "a", "60", { price: price("30") });
  const refund = (id: string, amount: bigint | null) =>
    ledger.run({ ...sampleRefund(id, "a", amount), undoes: "whole" });
  refund("part", money("0.9"));
  expect(counted(ledger, "token")).toEqual(["90", "0"]);
  expect(ledger.events.at(-1)).toMatchObject({ amount: -money("0.9"), quantity: 0n });
  refund("rest", null);
  expect([counted(ledger, "token"), counted(ledger, "call")]).toEqual([
    ["0", "0"],
    ["0", "0"],
  ]);
  expect(ledger.events.at(-1)).toMatchObject({
    quantity: -units("60"),
    further: [-units("30"), -units("1")],
  });
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
});

describe("what a client spent of a lease", () => {
  const lease = (id: string): OpenLease => ({
    kind: "openLease",
    id,
    fingerprint: id,
    account: "acme",
    key: "key-1",
    asset: "USD",
    amount: money("20"),
    ttlMs: 60_000,
    onExpiry: "release",
    settleOverage: "debt",
  });
  const spend = (id: string, tokens: string, more: Partial<Spend> = {}): Spend => ({
    id,
    meter: "calls",
    product: null,
    quantity: units(tokens),
    units: ["token", "call"],
    further: [units("1")],
    amount: money("2"),
    occurredAt: 0,
    fields: null,
    ...more,
  });
  const report = (spends: readonly Spend[], more: Partial<ReportLease> = {}): ReportLease => ({
    kind: "reportLease",
    id: "l",
    fingerprint: "report",
    sequence: 1,
    spends,
    isFinal: true,
    ...more,
  });
  const renewal = {
    kind: "renewLease",
    id: "l",
    fingerprint: "renew",
    sequence: 1,
    ttlMs: 1,
  } as const;

  test("counts as a charge does, and is given back with a refund", () => {
    const ledger = open();
    ledger.run(lease("l"), report([spend("a", "40"), spend("b", "8")]));
    expect([counted(ledger, "token"), counted(ledger, "call")]).toEqual([
      ["48", "0"],
      ["2", "0"],
    ]);
    ledger.run(sampleRefund("r", "a", money("1")));
    expect(counted(ledger, "token")).toEqual(["28", "0"]);
    expect(ledger.state.counters.get("call@0")).toMatchObject({ posted: units("1.5") });
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("is counted beyond a hard budget, which then stops charges, leases and renewals", () => {
    const ledger = open();
    ledger.run(lease("l"), lease("other"));
    expect(ledger.one(report([spend("a", "120")], { isFinal: false }))).toMatchObject({
      kind: "settled",
    });
    expect(counted(ledger, "token")).toEqual(["120", "0"]);
    const exceeded = { code: "BUDGET_EXCEEDED", budget: { id: "token" }, used: units("120") };
    expect(use(ledger, "b", "1", { price: price("0") })).toMatchObject({ reasons: [exceeded] });
    expect(ledger.one(lease("next"))).toMatchObject({ decision: "deny", reasons: [exceeded] });
    expect(ledger.one(renewal)).toMatchObject({ kind: "conflict", code: "BUDGET_EXCEEDED" });
    // What is spent already is counted all the same.
    const late = report([spend("c", "1")], { id: "other" });
    expect(ledger.one(late)).toMatchObject({ kind: "settled", amount: money("2") });
    expect(counted(ledger, "token")).toEqual(["121", "0"]);
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("is stopped by a hard budget that is just used up, but not by a soft one", () => {
    const ledger = fundedLedger("100", {
      budgets: [budget("token", "10"), { ...budget("call", "1"), mode: "soft" }],
    });
    ledger.run(lease("l"), report([spend("a", "9")], { isFinal: false }));
    expect(ledger.one(renewal)).toMatchObject({ kind: "settled" });
    expect(decisionOf(ledger.one(lease("allowed")))).toBe("allow");
    ledger.run(report([spend("b", "1")], { sequence: 2 }));
    expect(decisionOf(ledger.one(lease("denied")))).toBe("deny");
  });

  test("counts in the window in which the lease was opened", () => {
    const ledger = fundedLedger("100", {
      budgets: [{ ...budget("token", "10"), window: { kind: "hour" } }],
    });
    ledger.run({ ...lease("l"), ttlMs: 7_200_000 });
    ledger.now = 3_600_000;
    ledger.run(report([spend("a", "4")]));
    expect([...ledger.state.counters.values()]).toMatchObject([
      { windowStart: 0, posted: units("4") },
    ]);
  });

  test("counts for the budgets of its product alone, and of the lease's access key", () => {
    const scoped = (id: string, scope: Budget["scope"]): Budget => ({
      ...budget("token", "10"),
      id,
      scope,
    });
    const ledger = fundedLedger("100", {
      budgets: [
        scoped("own", { product: "p", key: "key-1" }),
        scoped("product", { product: "q" }),
        scoped("key", { key: "key-2" }),
      ],
    });
    ledger.run(lease("l"), report([spend("a", "12", { product: "p" })]));
    expect([...ledger.state.counters.values()]).toMatchObject([
      { budget: "own", posted: units("12") },
    ]);
    // It may be spent on another product.
    expect(decisionOf(ledger.one(lease("next")))).toBe("allow");
  });
});
