import { describe, expect, test } from "vitest";
import type { Outcome } from "./outcome.ts";
import type { Price } from "./price.ts";
import { columnsOf, decisionOf, reasonsOf, remainingOf, SampleLedger } from "./sample-ledger.ts";
import {
  fundedLedger,
  money,
  sampleCharge,
  sampleRecord,
  sampleDebtLimit,
  sampleGrant,
  sampleHold,
  sampleRateable,
  sampleRequest,
  sampleRefund,
  sampleSettle,
  sampleTrueUp,
  sampleTariff,
  sampleVoid,
  units,
} from "./sample-request.ts";

const codesOf = (outcome: Outcome) => reasonsOf(outcome).map((reason) => reason.code);

describe("evaluation order (f.3)", () => {
  test("an unknown customer ends the evaluation", () => {
    const ledger = new SampleLedger();
    const outcome = ledger.one(sampleCharge("c", money("1"), { account: "nobody" }));
    expect(codesOf(outcome)).toEqual(["UNKNOWN_CUSTOMER"]);
  });

  test("every failing limit is reported, in order", () => {
    const ledger = new SampleLedger({
      customers: [
        { code: "acme", isFrozen: true, features: new Set(["chat"]), blocksFreeOnDebt: false },
      ],
      concurrencyLimits: [{ id: "none", code: "NONE", scope: {}, limit: 0 }],
      rateLimits: [{ id: "never", code: "NEVER", scope: {}, limit: 0, windowMs: 1000, burst: 0 }],
      budgets: [
        {
          id: "inner",
          code: "inner",
          scope: { account: "acme", agent: "bot" },
          counts: { asset: "USD" },
          window: { kind: "lifetime" },
          zone: "UTC",
          anchor: null,
          limit: money("1"),
          mode: "hard",
          alertPercents: [],
        },
        {
          id: "outer",
          code: "outer",
          scope: { account: "acme" },
          counts: { unit: "tokens" },
          window: { kind: "lifetime" },
          zone: "UTC",
          anchor: null,
          limit: units("1"),
          mode: "hard",
          alertPercents: [],
        },
      ],
    });
    ledger.run(sampleDebtLimit(money("5")));
    ledger.run(sampleRecord(sampleCharge("late", money("2")), { unverified: true }));
    const outcome = ledger.one(
      sampleHold("h", money("7"), {
        scope: { agent: "bot", feature: "video" },
        unit: "tokens",
        quantity: units("3"),
        expectedPriceVersion: "v9",
        maxAmount: money("6"),
      }),
    );
    expect(codesOf(outcome)).toEqual([
      "NO_ENTITLEMENT",
      "DENIED_POLICY",
      "DENIED_POLICY",
      "CONCURRENCY_EXCEEDED",
      "RATE_LIMITED",
      "BUDGET_EXCEEDED",
      "BUDGET_EXCEEDED",
      "ACCOUNT_FROZEN",
      "DEBT_OUTSTANDING",
      "INSUFFICIENT_FUNDS",
    ]);
    expect(reasonsOf(outcome)[3]).toMatchObject({ limitId: "none", limitCode: "NONE" });
    expect(reasonsOf(outcome)[4]).toMatchObject({ limitId: "never", limitCode: "NEVER" });
    expect(reasonsOf(outcome)[5]).toMatchObject({ budget: { id: "outer" } });
    // A denial says how all budgets stand, and changes none (I14).
    expect(outcome).toMatchObject({
      remaining: {
        budgets: [
          { budget: { code: "outer" }, used: 0n, limit: units("1") },
          { budget: { code: "inner" }, used: 0n, limit: money("1") },
        ],
      },
    });
  });

  test("a charge holds no slot, so a full concurrency limit does not stop it", () => {
    const ledger = fundedLedger("10", {
      concurrencyLimits: [{ id: "one", code: "ONE", scope: {}, limit: 1 }],
    });
    ledger.run(sampleHold("h", money("1")));
    expect(codesOf(ledger.one(sampleHold("h2", money("1"))))).toEqual(["CONCURRENCY_EXCEEDED"]);
    expect(decisionOf(ledger.one(sampleCharge("c", money("1"))))).toBe("allow");
    ledger.run(sampleVoid("h"));
    expect(decisionOf(ledger.one(sampleHold("h3", money("1"))))).toBe("allow");
  });

  test("what cannot be rated is denied with its cause", () => {
    const price = {
      kind: "unrateable",
      why: "no pricing for calls",
      asset: "USD",
      further: [],
    } as const;
    const outcome = fundedLedger("10").one(sampleRequest("c", { price }));
    expect(reasonsOf(outcome)).toEqual([{ code: "CANNOT_RATE", why: "no pricing for calls" }]);
  });

  test("a denied request takes no token of a rate limit", () => {
    const ledger = fundedLedger("1", {
      rateLimits: [{ id: "r", code: "R", scope: {}, limit: 1, windowMs: 1000, burst: 0 }],
    });
    expect(decisionOf(ledger.one(sampleCharge("big", money("2"))))).toBe("deny");
    expect(decisionOf(ledger.one(sampleCharge("small", money("1"))))).toBe("allow");
    expect(codesOf(ledger.one(sampleCharge("free", 0n)))).toEqual(["RATE_LIMITED"]);
  });
});

describe("ids (I10)", () => {
  test("an id reused with another payload is a conflict without effect", () => {
    const ledger = fundedLedger("10");
    ledger.run(sampleCharge("c", money("1")));
    const reused = sampleCharge("c", money("2"), { fingerprint: "another" });
    expect(ledger.one(reused)).toMatchObject({ kind: "conflict", code: "ID_REUSED" });
    expect(columnsOf(ledger).D).toBe("1");
  });

  test("a check does not use its id up", () => {
    const ledger = fundedLedger("10");
    ledger.run(sampleCharge("c", money("1"), { mode: "check" }));
    expect(ledger.one(sampleCharge("c", money("1")))).toMatchObject({ isReplayed: false });
  });
});

describe("time (I22, I23)", () => {
  test("a clock that goes back neither revives what has expired nor opens a window again", () => {
    const ledger = new SampleLedger();
    ledger.run(sampleGrant("g", money("10"), { expiresAt: 1000 }));
    ledger.run(sampleHold("h", money("4"), { ttlMs: 500 }));
    ledger.now = 1000;
    ledger.run();
    expect(columnsOf(ledger)).toMatchObject({ C: "0", H: "0" });
    ledger.now = 10;
    expect(codesOf(ledger.one(sampleCharge("c", money("1"))))).toEqual(["INSUFFICIENT_FUNDS"]);
    expect(ledger.authorization("h").state).toBe("EXPIRED");
    // A hold taken now lives from the latest time seen: 1000 + 60000.
    expect(ledger.one(sampleHold("free", 0n))).toMatchObject({ validUntil: 61_000 });
  });

  test("a grant counts from its effective time on", () => {
    const ledger = new SampleLedger();
    ledger.run(sampleGrant("g", money("10"), { effectiveAt: 100 }));
    expect(decisionOf(ledger.one(sampleCharge("early", money("1"))))).toBe("deny");
    ledger.now = 100;
    expect(decisionOf(ledger.one(sampleCharge("due", money("1"))))).toBe("allow");
  });
});

describe("grants (f.6)", () => {
  test("a restricted grant pays before others of its priority, and only for what it names", () => {
    const ledger = fundedLedger("10");
    const appliesTo = { products: [], features: [], meters: ["tokens"] };
    ledger.run(sampleGrant("r", money("10"), { appliesTo }));
    ledger.run(sampleCharge("a", money("3"), { meter: "tokens" }));
    ledger.run(sampleCharge("b", money("2"), { meter: "calls" }));
    expect(remainingOf(ledger, "g", "r")).toEqual(["8", "7"]);
  });

  test("a restriction that names nothing is none", () => {
    const ledger = new SampleLedger();
    const nothing = { products: [], features: [], meters: [] };
    ledger.run(
      sampleGrant("a", money("5"), { appliesTo: nothing }),
      sampleGrant("r", money("5"), { appliesTo: { ...nothing, features: ["x"] } }),
    );
    ledger.run(sampleCharge("c", money("5"), { scope: { feature: "x" } }));
    expect(remainingOf(ledger, "a", "r")).toEqual(["5", "0"]);
  });

  test("what rolls over moves to a new grant, at most its maximum; the rest breaks", () => {
    const ledger = new SampleLedger();
    const rollover = { max: money("6"), min: 0n, expiresAfterMs: 1000 };
    ledger.run(sampleGrant("g", money("10"), { expiresAt: 100, rollover }));
    ledger.run(sampleCharge("c", money("1")));
    ledger.now = 100;
    ledger.run();
    // 10 − 1 = 9 left: 6 roll over, 3 break
    expect(ledger.grant("g")).toMatchObject({ transferred: money("6"), breakage: money("3") });
    expect(remainingOf(ledger, "g", "g~rollover")).toEqual(["0", "6"]);
    expect(columnsOf(ledger)).toMatchObject({ C: "7", D: "1", available: "6" });
  });

  test("a refund to an expired grant: paid comes back as a new grant, promotional is forfeited", () => {
    const ledger = new SampleLedger();
    ledger.run(
      sampleGrant("promo", money("3"), { expiresAt: 100 }),
      sampleGrant("paid", money("3"), { expiresAt: 100, purpose: "paid", priority: 200 }),
    );
    ledger.run(sampleCharge("c", money("6")));
    ledger.now = 100;
    ledger.run(sampleRefund("r", "c", null));
    expect(ledger.grant("promo").breakage).toBe(money("3"));
    expect(ledger.grant("paid").transferred).toBe(money("3"));
    expect(ledger.grant("paid~refund:r").terms).toMatchObject({
      purpose: "refund",
      expiresAt: 100 + 30 * 86_400_000,
    });
    expect(columnsOf(ledger)).toMatchObject({ C: "3", D: "0", available: "3" });
  });

  test("repaid debt and an expired grant that are refunded together stay two grants", () => {
    const ledger = new SampleLedger();
    ledger.run(
      sampleDebtLimit(money("4")),
      sampleGrant("same", money("3"), { expiresAt: 100, purpose: "paid", priority: 1 }),
      sampleHold("same", money("3")),
    );
    // 3 of the grant, 4 owed; the credit of 5 repays the 4.
    ledger.run(sampleSettle("same", money("7")), sampleGrant("later", money("5")));
    ledger.now = 100;
    ledger.run(sampleRefund("r", "same", null));
    expect(remainingOf(ledger, "same~debt:refund:r", "same~refund:r", "later")).toEqual([
      "4",
      "3",
      "1",
    ]);
  });

  test("debt that a credit without an end has repaid comes back without one", () => {
    const ledger = new SampleLedger();
    ledger.run(sampleDebtLimit(money("4")), sampleGrant("first", money("3")));
    ledger.run(sampleHold("h", money("3")));
    // 3 of the grant, 4 owed, which the credit of 5 repays.
    ledger.run(
      sampleSettle("h", money("7")),
      sampleGrant("later", money("5"), { purpose: "paid" }),
    );
    ledger.run(sampleRefund("r", "h", null));
    expect(columnsOf(ledger)).toMatchObject({ C: "8", D: "0", available: "8" });
    ledger.now = 31 * 86_400_000;
    ledger.run();
    expect(remainingOf(ledger, "first", "later", "h~debt:refund:r")).toEqual(["3", "1", "4"]);
    expect(columnsOf(ledger)).toMatchObject({ C: "8", D: "0", available: "8" });
  });

  test("a grant that came of another is never written over one that is there", () => {
    const ledger = new SampleLedger();
    const rollover = { max: money("10"), min: 0n, expiresAfterMs: 1000 };
    const taken = sampleGrant("g~rollover", money("1"));
    ledger.run(sampleGrant("g", money("10"), { expiresAt: 100, rollover }), taken);
    ledger.now = 100;
    expect(() => ledger.run()).toThrow("grant g~rollover is there");
  });

  test("a grant used again later is a newer slice, and is refunded first", () => {
    const ledger = new SampleLedger();
    ledger.run(sampleGrant("g1", money("5"), { priority: 1 }), sampleGrant("g2", money("5")));
    ledger.run(sampleHold("other", money("3")), sampleHold("h", money("4")));
    // h pins 2 of g1 and 2 of g2; the void gives 3 of g1 back, the excess of 1 takes from them.
    ledger.run(sampleVoid("other"), sampleSettle("h", money("5")));
    expect(remainingOf(ledger, "g1", "g2")).toEqual(["2", "3"]);
    ledger.run(sampleRefund("r", "h", money("1")));
    expect(remainingOf(ledger, "g1", "g2")).toEqual(["3", "3"]);
  });
});

test("a soft account is allowed beyond its funds: what is short becomes debt, then unfunded", () => {
  const ledger = fundedLedger("4");
  ledger.run(sampleDebtLimit(money("3"), { mode: "soft" }));
  const outcome = ledger.one(sampleCharge("c", money("10")));
  // 10 = 4 funded + 3 owed + 3 unfunded
  expect(outcome).toMatchObject({ decision: "allow", shortfall: money("3") });
  expect(columnsOf(ledger)).toMatchObject({ D: "4", X: "3" });
  expect(codesOf(ledger.one(sampleCharge("d", money("1"))))).toEqual(["DEBT_OUTSTANDING"]);
});

test("a settlement in another asset or at another price version is refused", () => {
  const ledger = fundedLedger("10");
  ledger.run(sampleHold("h", money("5")));
  const settle = (price: Price, sequence: number) =>
    ledger.one(
      sampleSettle("h", 0n, {
        sequence,
        used: { price, quantity: units("1"), further: [], occurredAt: 0, isMeasured: true },
      }),
    );
  const euros = { kind: "amount", amount: money("1"), asset: "EUR", further: [] } as const;
  expect(settle(euros, 1)).toMatchObject({ kind: "conflict", code: "INVALID" });
  const rated = sampleRateable(sampleTariff(true, ["0", "1"]));
  expect(settle(rated, 2)).toMatchObject({ kind: "conflict", code: "INVALID" });
  expect(settle({ ...euros, asset: "USD" }, 3)).toMatchObject({ kind: "settled" });
});

test("a rolling budget frees what has left its window", () => {
  const hourMs = 3_600_000;
  const ledger = fundedLedger("100", {
    budgets: [
      {
        id: "rolling",
        code: "rolling",
        scope: {},
        counts: { asset: "USD" },
        window: { kind: "rolling", durationMs: hourMs },
        zone: "UTC",
        anchor: null,
        limit: money("10"),
        mode: "hard",
        alertPercents: [],
      },
    ],
  });
  ledger.run(sampleCharge("a", money("10")));
  ledger.now = hourMs;
  expect(decisionOf(ledger.one(sampleCharge("b", money("1"))))).toBe("deny");
  ledger.now = hourMs + hourMs / 60; // its slot of one minute has left the window
  expect(decisionOf(ledger.one(sampleCharge("c", money("10"))))).toBe("allow");
});

test("a true-up whose period has moved since it was measured does nothing", () => {
  const ledger = fundedLedger("100");
  ledger.run(sampleCharge("a", money("5")));
  const measured = sampleTrueUp(ledger, money("7"));
  ledger.run(sampleCharge("b", money("1")));
  expect(ledger.one(measured)).toMatchObject({ kind: "conflict", code: "PERIOD_CHANGED" });
  expect(columnsOf(ledger)).toMatchObject({ D: "6" });
});

test("two true-ups of one period in one batch: the second finds nothing as it was measured", () => {
  const ledger = fundedLedger("100");
  ledger.run(sampleCharge("a", money("5")));
  const [first, second] = ledger.run(
    sampleTrueUp(ledger, money("7"), { id: "t1" }),
    sampleTrueUp(ledger, money("7"), { id: "t2" }),
  );
  expect(first).toMatchObject({ kind: "booked", amount: money("2") });
  expect(second).toMatchObject({ code: "PERIOD_CHANGED" });
  expect(columnsOf(ledger)).toMatchObject({ D: "7" });
  expect(ledger.events).toHaveLength(1);
});

test("a true-up lowers what nobody paid before it gives money back, and takes what is there", () => {
  const ledger = fundedLedger("5");
  ledger.run(sampleRecord(sampleCharge("a", money("4"))));
  ledger.run(sampleRecord(sampleCharge("b", money("3"))));
  expect(ledger.paid()).toEqual({ debited: money("5"), shortfall: money("2") });
  // 7 settled, 4 rated: 2 of the 3 were never paid.
  expect(ledger.one(sampleTrueUp(ledger, money("4")))).toMatchObject({ amount: -money("1") });
  expect(ledger.paid()).toEqual({ debited: money("4"), shortfall: 0n });
  // 10 rated: one is left in the wallet, five are nobody's.
  expect(ledger.one(sampleTrueUp(ledger, money("10")))).toMatchObject({ shortfall: money("5") });
  expect(ledger.paid()).toEqual({ debited: money("5"), shortfall: money("5") });
  expect(columnsOf(ledger)).toMatchObject({ C: "5", D: "5" });
});

test("a true-up of what was charged for plans leaves alone what callers priced", () => {
  const ledger = fundedLedger("100");
  const price = sampleRateable(sampleTariff(true, ["0", "1"]));
  ledger.run(sampleRequest("planned", { price, quantity: units("5") }));
  ledger.run(sampleCharge("named", money("4")));
  ledger.run(sampleTrueUp(ledger, money("12")));
  // The 5 of the call at the plan's price, and the 3 that the close took.
  const withdrawn = sampleTrueUp(ledger, 0n, { onlyForPlan: true, paid: ledger.paid(true) });
  expect(ledger.one(withdrawn)).toMatchObject({ amount: -money("8") });
  expect(ledger.paid()).toEqual({ debited: money("4"), shortfall: 0n });
  expect(ledger.authorization("named")).toMatchObject({ refunded: 0n });
});

test("what costs nothing is metered; an end that says of nothing is not (f.10.2)", () => {
  const ledger = fundedLedger("10");
  const nothing = { quantity: 0n };
  const price: Price = { kind: "amount", amount: 0n, asset: "USD", further: [] };
  ledger.run(sampleCharge("free", 0n, nothing), sampleHold("a", money("1"), nothing));
  const report = (sequence: number, isMeasured: boolean, isFinal: boolean) => {
    const used = { price, further: [], occurredAt: 0, ...nothing, isMeasured };
    return ledger.one(sampleSettle("a", 0n, { sequence, used, isFinal }));
  };
  expect(report(1, true, false)).toMatchObject({ isMetered: true });
  expect(report(2, false, true)).toMatchObject({ isMetered: false, state: "SETTLED" });
  expect(ledger.events.map(({ id }) => id)).toEqual(["free", "a#part#1"]);
});

test("the usage that a refund takes back has an id that no request can have", () => {
  const ledger = fundedLedger("10");
  ledger.run(sampleCharge("a", money("4")), sampleCharge("b", money("2")));
  ledger.run(sampleRefund("a", "a", money("1")), sampleRefund("b", "a", null));
  expect(ledger.events.map(({ id }) => id)).toEqual(["a", "b", "a#refund#a", "a#refund#b"]);
});

test("what the usage store takes back by itself is refunded without an event", () => {
  const ledger = fundedLedger("10");
  ledger.run(sampleCharge("a", money("4")));
  const amended = sampleRecord(sampleCharge("a-2", money("3")), { isMetered: false });
  ledger.run({ ...sampleRefund("undo", "a", null), isMetered: false }, amended);
  expect(columnsOf(ledger)).toMatchObject({ D: "3" });
  expect(ledger.events.map(({ id }) => id)).toEqual(["a"]);
});
