import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { brokenInvariants } from "./invariants.ts";
import type { Authorize } from "./request.ts";
import { columnsOf, decisionOf, reasonsOf, SampleLedger } from "./sample-ledger.ts";
import {
  fundedLedger,
  money,
  sampleCharge,
  sampleExtend,
  sampleGrant,
  sampleHold,
  sampleRecord,
  sampleRefund,
  sampleSettle,
  sampleUpdate,
  sampleVoid,
  usedAmount,
} from "./sample-request.ts";

describe("an asset that is named twice pays once: 10 USD, assets [USD, USD]", () => {
  const assets = ["USD", "USD"];
  const held5 = (): SampleLedger => {
    const ledger = fundedLedger("10");
    ledger.run(sampleHold("h", money("5"), { assets }));
    return ledger;
  };

  test.each(["check", "charge", "hold"] as const)("a %s of 15 is denied", (mode) => {
    const outcome = fundedLedger("10").one(sampleCharge("c", money("15"), { mode, assets }));
    expect(decisionOf(outcome)).toBe("deny");
    expect(reasonsOf(outcome)).toMatchObject([
      { code: "INSUFFICIENT_FUNDS", shortfall: money("5") },
    ]);
  });

  test("of 15, 10 are granted where a part may be", () => {
    const outcome = fundedLedger("10").one(
      sampleCharge("c", money("15"), { partial: "allow", quantity: 0n, assets }),
    );
    expect(outcome).toMatchObject({ decision: "partial", amount: money("10") });
  });

  test("a hold of 5 is settled at 12: 10 of it are paid", () => {
    const ledger = held5();
    const settled = ledger.one(sampleSettle("h", money("12")));
    expect(settled).toMatchObject({ state: "SETTLED", shortfall: money("2") });
    expect(columnsOf(ledger)).toMatchObject({ D: "10", H: "0", available: "0" });
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
  });

  test("a hold of 5 has room for 5 more, not for 8", () => {
    const ledger = held5();
    expect(ledger.one(sampleExtend("h", money("8")))).toMatchObject({ code: "INSUFFICIENT_FUNDS" });
    expect(ledger.one(sampleExtend("h", money("5"), 2))).toMatchObject({ held: money("10") });
  });
});

/**
 * Atoms of TOK are whole. At 0.3 USD each, the wallet of 5 is worth 1.5 USD: 0.5 costs 2 (worth 0.6), 1.0 costs 4 (worth
 * 1.2), 1.5 costs 5. What a hold has paid for is worth more than it holds, and pays for more of the same hold.
 */
describe("paying USD in a coarser asset: 5 TOK of 0.3 USD, worth 1.5 USD", () => {
  const assets = ["TOK"];
  const rates = [{ from: "TOK", to: "USD", num: 3n, den: 10n, effectiveAt: 0 }];
  const tokens = (): SampleLedger => {
    const ledger = new SampleLedger({ rates });
    ledger.run(sampleGrant("t", 5n, { asset: "TOK" }));
    return ledger;
  };
  const held = (amount: string, more: Partial<Authorize> = {}): SampleLedger => {
    const ledger = tokens();
    ledger.run(sampleHold("h", money(amount), { assets, ...more }));
    return ledger;
  };
  const isSound = (ledger: SampleLedger): void =>
    expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);

  test("a charge of 1.5 takes all 5", () => {
    const ledger = tokens();
    expect(ledger.one(sampleCharge("c", money("1.5"), { assets }))).toMatchObject({
      decision: "allow",
      lines: [{ walletAccount: "TOK/acme", amount: 5n }],
      shortfall: 0n,
    });
    expect(decisionOf(tokens().one(sampleCharge("c", money("1.500001"), { assets })))).toBe("deny");
  });

  test.each([
    // 4 + 1 are worth 1.5: 0.5 more than was held.
    ["1", "1.5", "0", "5"],
    // What 4 are worth needs no fifth.
    ["1", "1.2", "0", "4"],
    ["1", "1.200001", "0", "5"],
    ["1", "1.7", "0.2", "5"],
    // 2 + 3 are worth 1.5.
    ["0.5", "1.5", "0", "5"],
    // Nothing is free any more: 5 were held for 1.3.
    ["1.3", "1.5", "0", "5"],
  ])("a hold of %s, settled at %s: %s is short, %s are taken", (hold, used, short, taken) => {
    const ledger = held(hold);
    expect(ledger.one(sampleSettle("h", money(used)))).toMatchObject({ shortfall: money(short) });
    expect(columnsOf(ledger, "TOK")).toMatchObject({ D: taken, H: "0" });
    isSound(ledger);
    ledger.run(sampleRefund("r", "h", null));
    expect(columnsOf(ledger, "TOK")).toMatchObject({ D: "0", available: "5" });
    isSound(ledger);
  });

  test("a hold of 1 has room for 0.5 more, to the atom", () => {
    const ledger = held("1");
    expect(ledger.one(sampleExtend("h", money("0.500001")))).toMatchObject({
      code: "INSUFFICIENT_FUNDS",
    });
    expect(ledger.one(sampleExtend("h", money("0.5"), 2))).toMatchObject({ held: money("1.5") });
    expect(columnsOf(ledger, "TOK")).toMatchObject({ H: "5", available: "0" });
    ledger.run(sampleVoid("h"));
    expect(columnsOf(ledger, "TOK")).toMatchObject({ H: "0", available: "5" });
    isSound(ledger);
  });

  test("a session of slices of 0.5 has three of them", () => {
    const ledger = held("0.5", { mode: "session", quantity: 0n });
    const { price } = usedAmount(money("0.5"));
    const parts = { used: usedAmount(money("0.5")), request: { quantity: 0n, price } };
    const reports = [1, 2, 3].map((sequence) => ledger.one(sampleUpdate("h", sequence, parts)));
    expect(reports).toMatchObject([
      { shortfall: 0n, held: money("0.5") },
      { shortfall: 0n, held: money("0.5") },
      { shortfall: 0n, held: 0n, isFinal: true },
    ]);
    expect(columnsOf(ledger, "TOK")).toMatchObject({ D: "5", H: "0" });
    isSound(ledger);
  });

  test("at another rate nothing was overpaid", () => {
    const dearer = { from: "TOK", to: "USD", num: 1n, den: 10n, effectiveAt: 5 };
    const ledger = new SampleLedger({ rates: [...rates, dearer] });
    ledger.run(sampleGrant("t", 5n, { asset: "TOK" }));
    ledger.run(sampleHold("h", money("1"), { assets }));
    ledger.now = 5;
    // The fifth is worth 0.1 by now, and 4 were taken for 1.0 before.
    expect(ledger.one(sampleSettle("h", money("1.5")))).toMatchObject({ shortfall: money("0.4") });
    isSound(ledger);
  });

  test("a hold that is settled at anything takes what a charge of it takes (I9)", () => {
    const amounts = fc.nat({ max: 2_000_000 }).map(BigInt);
    fc.assert(
      fc.property(amounts, amounts, (hold, used) => {
        const bySettling = tokens();
        bySettling.run(sampleHold("a", hold, { assets, partial: "allow", quantity: 0n }));
        fc.pre(bySettling.authorization("a").state === "HELD");
        bySettling.run(sampleSettle("a", used));
        const byCharging = tokens();
        byCharging.run(sampleRecord(sampleCharge("a", used, { assets })));
        expect(bySettling.state.grants).toEqual(byCharging.state.grants);
        const { shortfall } = byCharging.authorization("a");
        expect(bySettling.authorization("a")).toMatchObject({ settled: used, shortfall });
        isSound(bySettling);
      }),
      { numRuns: Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200) },
    );
  });
});
