import { describe, expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { atomsFor, formatAtoms, parseAtoms, toAtoms, worthOf } from "./asset.ts";
import { columnsOf, decisionOf } from "./sample-ledger.ts";
import { fundedLedger, sampleRefund, sampleRequest } from "./sample-request.ts";

describe("decimal strings", () => {
  test.each([
    ["10.00", 6, 10_000_000n, "10"],
    ["-0.000001", 6, -1n, "-0.000001"],
    ["7", 0, 7n, "7"],
    ["0.000000000000000001", 18, 1n, "0.000000000000000001"],
    ["1.50", 2, 150n, "1.5"],
  ])("%s at scale %i is %s atoms", (text, scale, atoms, shown) => {
    expect(parseAtoms(text, scale)).toBe(atoms);
    expect(formatAtoms(atoms, scale)).toBe(shown);
  });

  test.each(["", "1e3", "0.0000001", "--1", "1.", "one"])("%j is no amount of USD", (text) => {
    expect(parseAtoms(text, 6)).toBeUndefined();
  });
});

describe("rated totals become atoms upward", () => {
  test.each([
    ["0.0000010", 1n],
    ["0.0000011", 2n],
    ["-0.0000011", -1n],
  ])("%s", (amount, atoms) => {
    expect(toAtoms(decimal(amount), 6)).toBe(atoms);
  });

  test("what a quotient that does not end leaves in its last digit costs no atom", () => {
    // 2/3 × 0.0015 = 0.001, computed a trifle above
    expect(toAtoms(decimal(2).div(decimal(3)).times(decimal("0.0015")), 6)).toBe(1000n);
  });
});

describe("exchange at 1 USD = 3 TOK", () => {
  const ratio = { num: 3n, den: 1_000_000n };

  test("a payment is rounded up, its worth down", () => {
    expect(atomsFor(1n, ratio)).toBe(333_334n); // 1/3 USD
    expect(worthOf(333_334n, ratio)).toBe(1n);
    expect(worthOf(333_333n, ratio)).toBe(0n);
  });

  test("two charges of 1 TOK, one refunded", () => {
    const rates = [{ from: "USD", to: "TOK", num: 3n, den: 1n, effectiveAt: 0 }];
    const ledger = fundedLedger("0.666668", { rates });
    const price = { kind: "amount", amount: 1n, asset: "TOK", further: [] } as const;
    const charge = (id: string) => ledger.one(sampleRequest(id, { price, assets: ["TOK", "USD"] }));
    expect(["a", "b", "c"].map((id) => decisionOf(charge(id)))).toEqual(["allow", "allow", "deny"]);
    expect(columnsOf(ledger)).toMatchObject({ D: "0.666668", available: "0" });
    ledger.run(sampleRefund("r", "b", null));
    expect(columnsOf(ledger)).toMatchObject({ D: "0.333334", available: "0.333334" });
  });
});
