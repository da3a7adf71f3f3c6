import { SampleLedger, columnsOf, remainingOf, decisionOf, reasonsOf } from "./sample-ledger.ts";
import {
  money,
  fundedLedger,
  sampleCharge,
  sampleRecord,
  sampleDebtLimit,
  sampleGrant,
  sampleHold,
  sampleRefund,
  sampleRequest,
  sampleSettle,
  sampleVoid,
} from "./sample-request.ts";
import { decide } from "./decide.ts";
import type { SettleOverage } from "./rows.ts";
import { describe, expect, test } from "vitest";

/** The worked examples of authorization semantics f.9 about funds; prices, budgets, top-ups and leases
 * have theirs beside their code. */

test("W1 ten then one", () => {
  const ledger = fundedLedger("10.00");
  const eleven = Array.from({ length: 11 }, (_, i) => sampleCharge(`c${i}`, money("1.00")));
  const outcomes = ledger.run(...eleven);
  // 10 × 1.00 = 10.00; the eleventh lacks 1.00
  expect(outcomes.map(decisionOf)).toEqual([...Array<string>(10).fill("allow"), "deny"]);
  expect(reasonsOf(outcomes[10])).toEqual([
    { code: "INSUFFICIENT_FUNDS", shortfall: money("1.00"), asset: "USD" },
  ]);
  expect(columnsOf(ledger).available).toBe("0");
  expect(ledger.events).toHaveLength(10);

  ledger.run(sampleGrant("top-up", money("5.00")));
  expect(ledger.one(sampleCharge("c10", money("1.00")))).toEqual({
    ...outcomes[10],
    isReplayed: true,
  });
  expect(decisionOf(ledger.one(sampleCharge("c11", money("1.00"))))).toBe("allow");
  expect(columnsOf(ledger).available).toBe("4"); // 5.00 − 1.00
});

test("W2 hold, settle less, replay", () => {
  const ledger = fundedLedger("100");
  ledger.run(sampleHold("h", money("40")));
  expect(columnsOf(ledger)).toMatchObject({ H: "40", available: "60" });
  const first = ledger.one(sampleSettle("h", money("25")));
  expect(columnsOf(ledger)).toMatchObject({ D: "25", H: "0", available: "75" });
  expect(ledger.one(sampleSettle("h", money("25")))).toEqual({ ...first, isReplayed: true });
  expect(columnsOf(ledger)).toMatchObject({ D: "25", H: "0", available: "75" });
});

const settle90 = (settleOverage: SettleOverage, debtLimit = "0") => {
  const ledger = fundedLedger("100");
  ledger.run(sampleDebtLimit(money(debtLimit)));
  ledger.run(sampleHold("other", money("30")), sampleHold("h", money("40"), { settleOverage }));
  const outcome = ledger.one(sampleSettle("h", money("90")));
  return { ledger, outcome };
};

describe("W3 settle 90 of a hold of 40, another hold of 30 open, 30 available", () => {
  test("reject: conflict, unchanged", () => {
    const { ledger, outcome } = settle90("reject");
    expect(outcome).toMatchObject({ kind: "conflict", code: "OVERAGE_REJECTED" });
    expect(columnsOf(ledger)).toEqual({ C: "100", D: "0", H: "70", X: "0", available: "30" });
  });

  test("cap: 40 held + 30 available, 20 short", () => {
    const { ledger, outcome } = settle90("cap");
    expect(columnsOf(ledger)).toEqual({ C: "100", D: "70", H: "30", X: "0", available: "0" });
    expect(outcome).toMatchObject({ shortfall: money("20") });
    expect(ledger.events.at(-1)).toMatchObject({ amount: money("90"), unfunded: money("20") });
  });

  test("debt with limit 50: the 20 are owed, new holds denied, a credit of 25 repays them", () => {
    const { ledger } = settle90("debt", "50");
    expect(columnsOf(ledger)).toEqual({ C: "100", D: "70", H: "30", X: "20", available: "-20" });
    expect(reasonsOf(ledger.one(sampleHold("h2", money("1"))))[0]).toEqual({
      code: "DEBT_OUTSTANDING",
      debt: money("20"),
      asset: "USD",
    });
    ledger.run(sampleGrant("g2", money("25")));
    // 125 − 90 − 30 = 5
    expect(columnsOf(ledger)).toEqual({ C: "125", D: "90", H: "30", X: "0", available: "5" });
  });

  test("debt with limit 15: 15 owed, 5 short", () => {
    const { ledger, outcome } = settle90("debt", "15");
    expect(outcome).toMatchObject({ shortfall: money("5") });
    expect(columnsOf(ledger)).toMatchObject({ X: "15", available: "-15" });
    ledger.run(sampleGrant("g2", money("25")));
    expect(columnsOf(ledger)).toMatchObject({ D: "85", X: "0", available: "10" });
  });
});

const heldAt99 = () => {
  const ledger = new SampleLedger();
  ledger.now = 1;
  ledger.run(
    sampleGrant("g2", money("20"), { expiresAt: 1_000_000 }),
    sampleGrant("g1", money("5"), { expiresAt: 100 }),
  );
  ledger.now = 99;
  ledger.run(sampleHold("h", money("8")));
  expect(remainingOf(ledger, "g1", "g2")).toEqual(["0", "17"]);
  return ledger;
};

describe("W4 a hold of 8 over grants of 5 and 20", () => {
  test("settle 5: the first slice pays, the second returns", () => {
    const ledger = heldAt99();
    ledger.run(sampleSettle("h", money("5")));
    expect(remainingOf(ledger, "g1", "g2")).toEqual(["0", "20"]);
  });

  test("void: both return", () => {
    const ledger = heldAt99();
    ledger.run(sampleVoid("h"));
    expect(remainingOf(ledger, "g1", "g2")).toEqual(["5", "20"]);
  });

  test("the first grant expires at 100, settle 3 at 105: 3 consumed, 2 forfeited, 3 back", () => {
    const ledger = heldAt99();
    ledger.now = 105;
    ledger.run(sampleSettle("h", money("3")));
    expect(ledger.grant("g1")).toMatchObject({ consumed: money("3"), breakage: money("2") });
    expect(remainingOf(ledger, "g1", "g2")).toEqual(["0", "20"]);
    expect(columnsOf(ledger).available).toBe("20");
  });
});

const settledLate = (debtLimit: string) => {
  const ledger = fundedLedger("10");
  ledger.run(sampleDebtLimit(money(debtLimit)), sampleHold("h", money("6"), { ttlMs: 10 }));
  ledger.now = 10;
  ledger.run(sampleCharge("c", money("7")));
  expect(ledger.authorization("h").state).toBe("EXPIRED");
  expect(columnsOf(ledger)).toMatchObject({ D: "7", available: "3" });
  return { ledger, outcome: ledger.one(sampleSettle("h", money("5"))) };
};

describe("W5 late settlement of an expired hold of 6, 3 left after a charge of 7", () => {
  test("without debt limit: takes 3, 2 short", () => {
    const { ledger, outcome } = settledLate("0");
    expect(outcome).toMatchObject({ state: "SETTLED_LATE", shortfall: money("2") });
    expect(columnsOf(ledger)).toMatchObject({ D: "10", X: "0", available: "0" });
  });

  test("with debt limit 2", () => {
    const { ledger } = settledLate("2");
    expect(columnsOf(ledger)).toMatchObject({ D: "10", X: "2", available: "-2" });
  });

  test("at most once", () => {
    const { ledger } = settledLate("0");
    expect(ledger.one(sampleSettle("h", money("1"), { sequence: 2 }))).toMatchObject({
      code: "WRONG_STATE",
      state: "SETTLED_LATE",
    });
  });
});

describe("W11 waterfall [TOK, USD], 500 TOK + 20 USD, 1 USD = 1000 TOK", () => {
  const rates = [{ from: "USD", to: "TOK", num: 1000n, den: 1n, effectiveAt: 0 }];
  const charged = (tokens: bigint) => {
    const ledger = fundedLedger("20", { rates });
    ledger.run(sampleGrant("t", 500n, { asset: "TOK" }));
    const price = { kind: "amount", amount: tokens, asset: "TOK", further: [] } as const;
    ledger.run(sampleRequest("c", { price, assets: ["TOK", "USD"] }));
    return ledger;
  };

  test.each([
    [800n, "0.3"], // 300 TOK / 1000
    [801n, "0.301"],
  ])("charge %s", (tokens, usd) => {
    const ledger = charged(tokens);
    expect(columnsOf(ledger, "TOK").D).toBe("500");
    expect(columnsOf(ledger).D).toBe(usd);
  });

  test("refund 400 of 800: 0.300000 USD first, then 100 TOK", () => {
    const ledger = charged(800n);
    ledger.run(sampleRefund("r", "c", 400n));
    expect(columnsOf(ledger).D).toBe("0");
    expect(columnsOf(ledger, "TOK").D).toBe("400");
  });
});

test("W15 expire and replace: 400 used, 100 held at renewal", () => {
  const ledger = new SampleLedger();
  const month = { purpose: "bundled" } as const;
  ledger.run(sampleGrant("m1", money("1000"), { ...month, expiresAt: 1000 }));
  ledger.run(sampleCharge("c", money("400")), sampleHold("h", money("100")));
  ledger.now = 1000;
  ledger.run(sampleGrant("m2", money("1000"), { ...month, expiresAt: 2000 }));
  // 1000 − 400 − 100 = 500 break
  expect(ledger.grant("m1")).toMatchObject({ breakage: money("500"), held: money("100") });
  ledger.run(sampleSettle("h", money("60")));
  expect(ledger.grant("m1")).toMatchObject({ breakage: money("540"), consumed: money("460") });
  expect(columnsOf(ledger).available).toBe("1000");
});

test("W16 partial", () => {
  const ledger = fundedLedger("7");
  const never = ledger.one(sampleHold("a", money("10")));
  expect(decisionOf(never)).toBe("deny");
  const some = ledger.one(sampleHold("b", money("10"), { partial: "allow" }));
  expect(some).toMatchObject({ decision: "partial", amount: money("7") });
});

const charged0 = (ledger: SampleLedger) => ledger.one(sampleCharge("c", 0n));

describe("W18 free of charge with an exhausted wallet", () => {
  const customer = { code: "acme", isFrozen: false, features: null, blocksFreeOnDebt: false };

  test("allowed", () => {
    expect(decisionOf(charged0(new SampleLedger()))).toBe("allow");
  });

  test("denied when the account is frozen", () => {
    const ledger = new SampleLedger({ customers: [{ ...customer, isFrozen: true }] });
    expect(reasonsOf(charged0(ledger))).toEqual([{ code: "ACCOUNT_FROZEN" }]);
  });

  test.each([
    [true, "deny"],
    [false, "allow"],
  ])("in debt, plan blocks: %s", (blocksFreeOnDebt, decision) => {
    const ledger = new SampleLedger({ customers: [{ ...customer, blocksFreeOnDebt }] });
    ledger.run(sampleDebtLimit(money("5")));
    ledger.run(sampleRecord(sampleCharge("late", money("3")), { unverified: true }));
    expect(columnsOf(ledger).X).toBe("3");
    expect(decisionOf(charged0(ledger))).toBe(decision);
  });
});

test("the same batch at the same time gives the same rows", () => {
  const ledger = fundedLedger("10");
  const batch = [sampleHold("h", money("4")), sampleCharge("c", money("5"))];
  expect(decide(ledger.state, batch, 5)).toEqual(decide(ledger.state, batch, 5));
});
