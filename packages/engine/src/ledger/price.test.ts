import { SampleLedger, columnsOf, remainingOf, reasonsOf } from "./sample-ledger.ts";
import {
  money,
  units,
  fundedLedger,
  sampleRefund,
  sampleRequest,
  sampleSettle,
  sampleTrueUp,
  sampleVoid,
  sampleRateable,
  sampleTariff,
  sampleUsed,
} from "./sample-request.ts";
import { dueFor } from "./true-up.ts";
import { marginalCost, type Price, type Rateable } from "./price.ts";
import type { Outcome } from "./outcome.ts";
import { describe, expect, test } from "vitest";

const at950 = (price: Rateable) => {
  const ledger = fundedLedger("100");
  ledger.run(sampleRequest("first", { price, quantity: units("950") }));
  return ledger;
};

const take = (id: string, price: Price, mode: "charge" | "hold") =>
  sampleRequest(id, { mode, price, quantity: units("100") });

const amountOf = (outcome: Outcome) => (outcome.kind === "conflict" ? undefined : outcome.amount);

describe("prices by position, 950 used", () => {
  test("W7 graduated: charges", () => {
    const price = sampleRateable(sampleTariff(true, ["0", "0.010"], ["1000", "0.008"]));
    const ledger = at950(price);
    expect(columnsOf(ledger).D).toBe("9.5");
    // 50 × .010 + 50 × .008 = .90; then 100 × .008 = .80
    expect(amountOf(ledger.one(take("a", price, "charge")))).toBe(money("0.90"));
    expect(amountOf(ledger.one(take("b", price, "charge")))).toBe(money("0.80"));
    expect(columnsOf(ledger).D).toBe("11.2"); // T(1150) = 10.00 + 1.20
  });

  test("W7 two simultaneous holds are each priced at the worst position", () => {
    const price = sampleRateable(sampleTariff(true, ["0", "0.010"], ["1000", "0.008"]));
    const ledger = at950(price);
    expect(amountOf(ledger.one(take("a", price, "hold")))).toBe(money("0.90"));
    expect(amountOf(ledger.one(take("b", price, "hold")))).toBe(money("0.90"));
    const settle = { used: sampleUsed(price, "100") };
    ledger.run(sampleSettle("a", 0n, settle), sampleSettle("b", 0n, settle));
    expect(columnsOf(ledger)).toMatchObject({ D: "11.2", H: "0" }); // 9.50 + 1.70, .10 released
  });

  test("W8 rising: the second hold is priced after the first", () => {
    const price = sampleRateable(sampleTariff(true, ["0", "0"], ["1000", "0.01"]));
    const ledger = at950(price);
    expect(amountOf(ledger.one(take("a", price, "hold")))).toBe(money("0.50"));
    expect(amountOf(ledger.one(take("b", price, "hold")))).toBe(money("1.00"));
    ledger.run(sampleVoid("a"));
    const settled = ledger.one(sampleSettle("b", 0n, { used: sampleUsed(price, "100") }));
    expect(amountOf(settled)).toBe(money("0.50"));
    expect(columnsOf(ledger)).toMatchObject({ D: "0.5", H: "0" });
  });

  test("W9 volume: nothing is taken for what makes the total fall, the close credits it", () => {
    const price = sampleRateable(sampleTariff(false, ["0", "0.010"], ["1000", "0.008"]));
    const ledger = at950(price);
    // T(1050) = 8.40, T(950) = 9.50: marginal −1.10
    expect(amountOf(ledger.one(take("a", price, "charge")))).toBe(0n);
    ledger.run(sampleTrueUp(ledger, money("8.40")));
    expect(columnsOf(ledger).D).toBe("8.4");
    expect(remainingOf(ledger, "g")).toEqual(["91.6"]);
  });
});

describe("a fixed price of the first band: 5.00, and 1.00 a unit", () => {
  const price = sampleRateable(sampleTariff(true, ["0", "1", "5"]));
  const use = (ledger: SampleLedger, id: string, quantity: string) =>
    ledger.one(sampleRequest(id, { price, quantity: units(quantity) }));
  const undo = (of: string) => ({ ...sampleRefund(`${of}-undo`, of, null), isMetered: false });

  test("is due again once all usage has been given back, as the bill has it then", () => {
    const ledger = fundedLedger("6");
    expect(amountOf(use(ledger, "a", "1"))).toBe(money("6"));
    ledger.run(undo("a"));
    const shortfall = money("5");
    expect(reasonsOf(use(ledger, "b", "6"))).toMatchObject([
      { code: "INSUFFICIENT_FUNDS", shortfall },
    ]);
    expect(amountOf(use(ledger, "c", "1"))).toBe(money("6"));
    expect(amountOf(ledger.one(sampleTrueUp(ledger, money("6"))))).toBe(0n);
  });

  test("is paid as long as any usage is left", () => {
    const ledger = fundedLedger("20");
    use(ledger, "a", "2");
    use(ledger, "b", "1");
    ledger.run(undo("b"));
    expect(amountOf(use(ledger, "c", "1"))).toBe(money("1"));
  });

  test("is held for as well", () => {
    const ledger = fundedLedger("20");
    use(ledger, "a", "1");
    ledger.run(undo("a"));
    const hold = sampleRequest("h", { mode: "hold", price, quantity: units("3") });
    expect(amountOf(ledger.one(hold))).toBe(money("8"));
  });

  test("is due once on the way up from less than nothing, wherever calls end", () => {
    const cost = (posted: string, quantity: string) =>
      marginalCost(price, { posted: units(posted) }, units(quantity));
    // 5 × 1.00, then 5.00 + 1 × 1.00
    expect(cost("-5", "5")).toBe(money("5"));
    expect(cost("0", "1")).toBe(money("6"));
    expect(cost("-5", "6")).toBe(money("11"));
  });
});

describe("W10", () => {
  test("minimum spend 20.00, usage 12.00: 8.00 at close", () => {
    expect(dueFor(money("20.00"), { debited: money("12.00"), shortfall: 0n })).toEqual({
      kind: "debit",
      amount: money("8.00"),
    });
  });

  test("the first 500 are free and need no funds", () => {
    const ledger = new SampleLedger();
    const price = sampleRateable(sampleTariff(true, ["0", "0"], ["500", "0.01"]));
    const free = ledger.one(sampleRequest("a", { price, quantity: units("500") }));
    expect(free).toMatchObject({ decision: "allow", reasons: [{ code: "UNCONTROLLED" }] });
    const next = ledger.one(sampleRequest("b", { price, quantity: units("1") }));
    expect(reasonsOf(next)[0]).toMatchObject({ code: "INSUFFICIENT_FUNDS" });
  });
});
