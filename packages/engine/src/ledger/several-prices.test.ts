import { describe, expect, test } from "vitest";
import { brokenInvariants } from "./invariants.ts";
import type { Rateable } from "./price.ts";
import { columnsOf, type SampleLedger } from "./sample-ledger.ts";
import {
  fundedLedger,
  sampleRateable,
  sampleRefund,
  sampleRequest,
  sampleSettle,
  sampleTariff,
  sampleTrueUp,
  sampleUpdate,
  sampleUsed,
  sampleVoid,
  money,
  units,
} from "./sample-request.ts";

/** A token costs 0.01, from the hundredth on 0.005; besides, each of the first two calls costs 0.10. */
const tokens = sampleTariff(true, ["0", "0.01"], ["100", "0.005"]);
const calls = { ...sampleTariff(true, ["0", "0.1"], ["2", "0"]), version: "v2" };

const price = (callCount = "1"): Rateable => ({
  ...sampleRateable(tokens),
  position: "tokens",
  further: [{ tariff: calls, position: "calls", quantity: units(callCount), unit: null }],
});

const use = (ledger: SampleLedger, id: string, quantity: string, more = {}) =>
  ledger.one(sampleRequest(id, { price: price(), quantity: units(quantity), ...more }));

const positions = (ledger: SampleLedger): bigint[] =>
  ["tokens", "calls"].map((id) => ledger.state.positions.get(id)?.posted ?? 0n);

describe("a meter with two prices costs their sum, each at its own position", () => {
  test("charges: 0.90, 0.40, 0.05, together what both totals say", () => {
    const ledger = fundedLedger("10");
    // 80 × 0.01 + 0.10; 20 × 0.01 + 20 × 0.005 + 0.10; 10 × 0.005 + 0.
    expect(use(ledger, "a", "80")).toMatchObject({ amount: money("0.9"), priceVersion: "v1+v2" });
    expect(use(ledger, "b", "40")).toMatchObject({ amount: money("0.4") });
    expect(use(ledger, "c", "10")).toMatchObject({ amount: money("0.05") });
    // T(130) = 1.15 and T(3) = 0.20: the close has nothing to do.
    expect(ledger.one(sampleTrueUp(ledger, money("1.35")))).toMatchObject({ amount: 0n });
    expect(positions(ledger)).toEqual([units("130"), units("3")]);
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("a refund takes usage back from both; half of the money is half of each", () => {
    const ledger = fundedLedger("10");
    use(ledger, "a", "80");
    ledger.run(sampleRefund("half", "a", money("0.45")));
    expect(positions(ledger)).toEqual([units("40"), units("0.5")]);
    expect(ledger.events.at(-1)).toMatchObject({
      quantity: -units("40"),
      further: [-units("0.5")],
    });
    ledger.run(sampleRefund("rest", "a", null));
    expect(positions(ledger)).toEqual([0n, 0n]);
    expect(columnsOf(ledger)).toMatchObject({ D: "0", available: "10" });
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("a part of a hold that is undone takes what it used of each", () => {
    const ledger = fundedLedger("10");
    use(ledger, "h", "90", { mode: "hold" });
    // 80 × 0.01 + 0.10; 20 × 0.01 + 10 × 0.005 + 0.10.
    const parts = ["80", "30"].map((quantity, sequence) => {
      const settled = { sequence, used: sampleUsed(price(), quantity), isFinal: sequence === 1 };
      return ledger.one(sampleSettle("h", 0n, settled));
    });
    expect(parts).toMatchObject([
      { amount: money("0.9"), quantity: units("80"), further: [units("1")] },
      { amount: money("0.35"), quantity: units("30"), further: [units("1")] },
    ]);
    ledger.run({
      ...sampleRefund("undo", "h", money("0.9")),
      quantities: [units("80"), units("1")],
      isMetered: false,
    });
    expect(positions(ledger)).toEqual([units("30"), units("1")]);
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("holds are priced at the worst position of each, and settle at what both counted", () => {
    const ledger = fundedLedger("10");
    const hold = { mode: "hold" } as const;
    // 0.50 + 0.10 each: two calls still cost, whichever settles first.
    expect(use(ledger, "h1", "50", hold)).toMatchObject({ amount: money("0.6") });
    expect(use(ledger, "h2", "50", hold)).toMatchObject({ amount: money("0.6") });
    // A third call is free behind two, but dear before them: 30 × 0.01 + 0.10.
    expect(use(ledger, "h3", "30", hold)).toMatchObject({ amount: money("0.4") });
    ledger.run(sampleVoid("h3"));
    ledger.run(sampleSettle("h1", 0n, { used: sampleUsed(price("3"), "40") }));
    // 40 × 0.01 + 2 × 0.10: it was three calls.
    expect(columnsOf(ledger)).toMatchObject({ D: "0.6", H: "0.6" });
    ledger.run(sampleSettle("h2", 0n, { used: sampleUsed(price("1"), "70") }));
    // 60 × 0.01 + 10 × 0.005 + 0: more than 0.60 was held, the rest is available.
    expect(columnsOf(ledger)).toMatchObject({ D: "1.25", H: "0", available: "8.75" });
    expect(positions(ledger)).toEqual([units("110"), units("4")]);
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("a session asks for its next slice at both, and ends where that is not there", () => {
    const ledger = fundedLedger("1");
    expect(use(ledger, "s", "40", { mode: "session" })).toMatchObject({ amount: money("0.5") });
    const next = { price: price(), quantity: units("40") };
    const first = { used: sampleUsed(price(), "40"), request: next };
    // 0.50 settled; the next 40 cost 0.40 and the second call 0.10.
    expect(ledger.one(sampleUpdate("s", 1, first))).toMatchObject({ held: money("0.5") });
    const second = { used: sampleUsed(price(), "40"), request: next };
    expect(ledger.one(sampleUpdate("s", 2, second))).toMatchObject({ held: 0n, state: "SETTLED" });
    expect(columnsOf(ledger)).toMatchObject({ D: "1", H: "0", available: "0" });
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("is all or nothing: no one number says how much of it is affordable", () => {
    const ledger = fundedLedger("0.5");
    const answer = use(ledger, "a", "80", { partial: "allow" });
    expect(answer).toMatchObject({ decision: "deny", reasons: [{ shortfall: money("0.4") }] });
    expect(positions(ledger)).toEqual([0n, 0n]);
  });
});
