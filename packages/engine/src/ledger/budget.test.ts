import { columnsOf, decisionOf, reasonsOf } from "./sample-ledger.ts";
import {
  money,
  fundedLedger,
  sampleCharge,
  sampleExtend,
  sampleHold,
  sampleRefund,
  sampleSettle,
  sampleTrueUp,
} from "./sample-request.ts";
import { decide } from "./decide.ts";
import { windowAt, type Budget } from "./budget-window.ts";
import { brokenInvariants } from "./invariants.ts";
import { describe, expect, test } from "vitest";

const dayBudget = (zone: string): Budget => ({
  id: "agent-day",
  code: "agent-day",
  scope: { agent: "bot" },
  counts: { asset: "USD" },
  window: { kind: "day" },
  zone,
  anchor: null,
  limit: money("10"),
  mode: "hard",
  alertPercents: [],
});

const rollingMinute: Budget = {
  ...dayBudget("UTC"),
  window: { kind: "rolling", durationMs: 60_000 },
  alertPercents: [50, 100],
};

const at = (text: string) => Temporal.Instant.from(text).epochMilliseconds;

test("what the close of a period gives back is used no longer, what it takes is not counted", () => {
  const scope = { agent: "bot" };
  const ledger = fundedLedger("100", { budgets: [dayBudget("UTC")] });
  const charge = (id: string, amount: string) =>
    decisionOf(ledger.one(sampleCharge(id, money(amount), { scope })));
  const used = () => [...ledger.state.counters.values()].map(({ posted }) => posted);
  expect([charge("a", "4"), charge("b", "6")]).toEqual(["allow", "allow"]);
  // Rated at 7: 3 of b's 6 come back.
  ledger.run(sampleTrueUp(ledger, money("7")));
  expect(used()).toEqual([money("7")]);
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  expect([charge("c", "3.000001"), charge("d", "3")]).toEqual(["deny", "allow"]);
  ledger.run(sampleRefund("r", "b", null));
  expect(used()).toEqual([money("7")]);
  // Rated at 9 where a and d are 7.
  ledger.run(sampleTrueUp(ledger, money("9"), { id: "again" }));
  expect(columnsOf(ledger).D).toBe("9");
  expect(used()).toEqual([money("7")]);
  expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
});

describe("W12, W13 an agent's day budget of 10", () => {
  const scope = { agent: "bot" };

  test("holds count until they are settled, equality is allowed, denials take nothing", () => {
    const ledger = fundedLedger("100", { budgets: [dayBudget("UTC")] });
    const hold = (id: string, amount: string) =>
      ledger.one(sampleHold(id, money(amount), { scope }));
    expect(decisionOf(hold("a", "8"))).toBe("allow");
    expect(reasonsOf(hold("b", "3"))).toEqual([
      {
        code: "BUDGET_EXCEEDED",
        scope,
        budget: { id: "agent-day", code: "agent-day", unit: null },
        limit: money("10"),
        used: money("8"),
        requested: money("3"),
      },
    ]);
    ledger.run(sampleSettle("a", money("5")));
    expect(decisionOf(hold("c", "5"))).toBe("allow"); // 5 + 5 = 10
    expect(decisionOf(hold("d", "1"))).toBe("deny");
    expect(columnsOf(ledger)).toMatchObject({ D: "5", H: "5", available: "90" });
  });

  test.each([
    ["2026-11-01T12:00Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z", 25],
    ["2026-03-08T12:00Z", "2026-03-08T05:00Z", "2026-03-09T04:00Z", 23],
  ])("New York day of %s", (now, start, end, hours) => {
    const window = windowAt(dayBudget("America/New_York"), at(now));
    expect(window).toEqual({ start: at(start), end: at(end) });
    expect((at(end) - at(start)) / 3_600_000).toBe(hours);
  });

  test("a hold taken 23:59:59 and settled 00:00:01 counts in the first day only", () => {
    const ledger = fundedLedger("100", { budgets: [dayBudget("UTC")] });
    ledger.now = at("2026-11-20T23:59:59Z");
    ledger.run(sampleHold("a", money("8"), { scope }));
    ledger.now = at("2026-11-21T00:00:01Z");
    ledger.run(sampleSettle("a", money("8")));
    const counters = [...ledger.state.counters.values()];
    expect(counters).toMatchObject([
      { windowStart: at("2026-11-20T00:00Z"), posted: money("8"), held: 0n },
    ]);
  });
});

test("a rolling budget's alert fires once while what crossed it is in its window (I32)", () => {
  const ledger = fundedLedger("100", { budgets: [rollingMinute] });
  const scope = { agent: "bot" };
  const fires = (atMs: number, id: string, amount: string) => {
    ledger.now = atMs;
    const before = ledger.alerts.length;
    ledger.run(sampleCharge(id, money(amount), { scope }));
    return ledger.alerts.slice(before).map(({ percent }) => percent);
  };
  expect(fires(0, "a", "6")).toEqual([50]);
  for (const second of [1, 2, 3]) expect(fires(second * 1000, `b${second}`, "0.1")).toEqual([]);
  expect(fires(30_000, "c", "3.7")).toEqual([100]); // 6 + 0.3 + 3.7 = 10
  // 10 − 6 have left: 4 is below a half, 5 are not, and the alert of all 10 is in the window still.
  expect(fires(61_000, "d", "1")).toEqual([]);
  // Of 4.7 the 3.7 have left: 1 + 4 = 5.
  expect(fires(91_000, "e", "4")).toEqual([50]);
});

test("a raised limit sets its alerts higher, and each fires once again, however the limit is moved then (I32)", () => {
  const budget = {
    ...dayBudget("UTC"),
    window: { kind: "lifetime" } as const,
    alertPercents: [50, 80, 100],
  };
  const ledger = fundedLedger("1000", { budgets: [budget] });
  const scope = { agent: "bot" };
  const fires = (limit: string, id: string, amount: string) => {
    budget.limit = money(limit);
    const before = ledger.alerts.length;
    ledger.run(sampleCharge(id, money(amount), { scope }));
    return ledger.alerts.slice(before).map((alert) => [alert.percent, alert.used / money("1")]);
  };
  expect(fires("10", "a", "8")).toEqual([
    [50, 8n],
    [80, 8n],
  ]);
  expect(fires("16", "b", "1")).toEqual([]); // its half is the 8 that was told
  expect(fires("100", "c", "40")).toEqual([]); // 49
  expect(fires("100", "d", "1")).toEqual([[50, 50n]]);
  expect(fires("100", "e", "35")).toEqual([[80, 85n]]);
  expect(fires("90", "f", "1")).toEqual([]); // 72 was told
  expect(fires("100", "g", "1")).toEqual([]); // 80 was told
  expect(fires("100", "h", "13")).toEqual([[100, 100n]]);
  expect(fires("200", "i", "60")).toEqual([[80, 160n]]); // 100 was told as the half of it is
});

test("what is settled after its slot has left a rolling window fires nothing", () => {
  const ledger = fundedLedger("100", { budgets: [{ ...rollingMinute, alertPercents: [50] }] });
  const scope = { agent: "bot" };
  ledger.run(sampleHold("early", money("1"), { scope, ttlMs: 200_000 }));
  ledger.now = 1_000;
  ledger.run(sampleCharge("half", money("4"), { scope })); // 1 + 4 = 5
  ledger.now = 30_000;
  ledger.run(sampleCharge("more", money("5"), { scope }));
  ledger.now = 62_000;
  for (const sequence of [1, 2])
    ledger.run(sampleSettle("early", money("0.1"), { sequence, isFinal: false }));
  expect(ledger.alerts).toMatchObject([{ percent: 50, used: money("5") }]);
});

test("what is undone after its slot has left a rolling window and is gone counts nowhere", () => {
  const ledger = fundedLedger("100", { budgets: [rollingMinute] });
  const scope = { agent: "bot" };
  ledger.run(sampleCharge("early", money("5"), { scope }));
  for (const id of ["open", "longer"])
    ledger.run(sampleHold(id, money("2"), { scope, ttlMs: 200_000 }));
  const undone = [
    sampleRefund("refund", "early", money("5")),
    sampleSettle("open", money("2")),
    sampleExtend("longer", money("1")),
  ];
  const { changes, decisions } = decide({ ...ledger.state, counters: new Map() }, undone, 61_001);
  expect(decisions.map(({ kind }) => kind)).not.toContain("conflict");
  expect(changes.counters).toEqual([]);
});
