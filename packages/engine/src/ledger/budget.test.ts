import { columnsOf, decisionOf, reasonsOf } from "./sample-ledger.ts";
import { money, fundedLedger, sampleHold, sampleSettle } from "./sample-request.ts";
import { windowAt, type Budget } from "./budget-window.ts";
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

const at = (text: string) => Temporal.Instant.from(text).epochMilliseconds;

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
