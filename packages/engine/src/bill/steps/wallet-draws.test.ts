import { describe, expect, test } from "vitest";
import type { DecimalInput } from "../../exact/decimal.ts";
import { rateBill } from "../rate-bill.ts";
import {
  billText,
  credited,
  planFacts,
  sampleBalance,
  samplePricing,
  tiered,
  usageOn,
} from "../sample-facts.ts";

describe("what a wallet paid, before it was rounded (authorization semantics f.10.7)", () => {
  /** One unit at each of the prices, on a line of its own. */
  const bill = (paid: DecimalInput, ...prices: DecimalInput[]) => {
    const pricings = prices.map((price, index) => ({
      ...samplePricing(tiered([0, price])),
      id: `pricing${index}`,
    }));
    const balances = [
      sampleBalance({ isWallet: true, transactions: [credited("2024-06-01", paid)] }),
    ];
    return planFacts({ pricings }, { terms: { balances }, usage: [usageOn("2024-06-10", 1)] });
  };

  test.each([
    { prices: ["0.0074", "0.0074"], paid: "0.0148", drawn: ["-0.01", "-0.01"], due: "0.00" },
    { prices: ["0.005", "0.005"], paid: "0.01", drawn: ["-0.01", "-0.01"], due: "0.00" },
    // 0.004 is printed as nothing: nothing is drawn for it.
    { prices: ["0.004", "0.016"], paid: "0.02", drawn: ["-0.02"], due: "0.00" },
    { prices: ["1.004", "1.004"], paid: "2.008", drawn: ["-1.00", "-1.00"], due: "0.00" },
    // What was not paid is due, line by line.
    {
      prices: ["0.0074", "0.0074", "0.0074"],
      paid: "0.0148",
      drawn: ["-0.01", "-0.01"],
      due: "0.01",
    },
    { prices: ["1.004", "1.004"], paid: "1.506", drawn: ["-1.00", "-0.50"], due: "0.50" },
    { prices: ["0.0074"], paid: "0.002", drawn: [], due: "0.01" },
    // More than it cost pays no more than what is printed.
    { prices: ["0.0074", "0.0074"], paid: "5", drawn: ["-0.01", "-0.01"], due: "0.00" },
  ])("$paid for $prices: $due is due", ({ prices, paid, drawn, due }) => {
    const text = billText(bill(paid, ...prices));
    expect(text.filter((row) => !row.startsWith("USAGE"))).toEqual([
      ...drawn.map((amount) => `BALANCE_CONSUMED ${amount}`),
      `= ${due}`,
    ]);
  });

  test("it is used up by what charges cost exactly", () => {
    const rated = rateBill(bill("0.0148", "0.0074", "0.0074"));
    const lines = rated.outcome === "rated" ? rated.lines : [];
    const drawDowns = lines.flatMap(({ drawDown }) => drawDown ?? []);
    expect(
      drawDowns.map(({ before, after }) => `${before.toString()} ${after.toString()}`),
    ).toEqual(["0.0148 0.0074", "0.0074 0"]);
  });
});
