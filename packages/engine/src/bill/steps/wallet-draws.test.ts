import { describe, expect, test } from "vitest";
import type { PlanCharges } from "../../balances/balance.ts";
import { decimal, type DecimalInput } from "../../exact/decimal.ts";
import { rateBill } from "../rate-bill.ts";
import {
  billText,
  credited,
  minimumSpend,
  planFacts,
  sampleAccountPlan,
  sampleBalance,
  sampleFacts,
  samplePlan,
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

describe("usage of 0.0045 euros, which is 0.00 euros and, at 2, 0.01 dollars", () => {
  test.each([
    { paid: "0.0045", lines: ["USAGE 0.00", "BALANCE_CONSUMED 0.00", "= 0.00"] },
    { paid: "0.004", lines: ["USAGE 0.00", "= 0.01"] },
    { paid: "0", lines: ["USAGE 0.00", "= 0.01"] },
  ])("of which a wallet paid $paid euros", ({ paid, lines }) => {
    const pricings = [samplePricing(tiered([0, "0.0045"]))];
    const transactions = [credited("2024-06-01", paid)];
    const balances = [sampleBalance({ isWallet: true, currency: "EUR", transactions })];
    const conversions = [{ from: "EUR", to: "USD", multiplier: decimal(2) }];
    const facts = planFacts(
      { pricings, currency: "EUR" },
      { terms: { balances, conversions }, usage: [usageOn("2024-06-10", 1)] },
    );
    expect(billText(facts)).toEqual(lines);
  });
});

describe("usage at 1.00, beyond an exhausted credit at 5.00, of which 10 of 15 units were paid", () => {
  test.each([
    { by: "a wallet", isWallet: true, lines: ["USAGE 15.00", "BALANCE_CONSUMED -10.00", "= 5.00"] },
    {
      by: "a balance",
      isWallet: false,
      lines: ["USAGE 10.00", "OVERAGE_USAGE 25.00", "BALANCE_CONSUMED -10.00", "= 25.00"],
    },
  ])("by $by", ({ isWallet, lines }) => {
    const overageBands = tiered([0, 5]).bands;
    const pricings = [{ ...samplePricing(tiered([0, 1])), cumulative: true, overageBands }];
    const balances = [sampleBalance({ isWallet, transactions: [credited("2024-06-01", 10)] })];
    const facts = planFacts(
      { pricings },
      { terms: { balances }, usage: [usageOn("2024-06-10", 15)] },
    );
    expect(billText(facts).toSorted()).toEqual(lines.toSorted());
  });
});

describe("what a wallet paid for is all that draws on it", () => {
  const usageOf = (accountPlanId: string, ...pricingIds: string[]): PlanCharges => ({
    accountPlanId,
    lineItemType: "USAGE",
    pricingIds,
  });
  const minimumOf = (accountPlanId: string): PlanCharges => ({
    accountPlanId,
    lineItemType: "MINIMUM_SPEND",
  });
  const planOf = (id: string, changes = {}) =>
    sampleAccountPlan({
      id,
      plans: [samplePlan({ id, pricings: [samplePricing({ ...tiered([0, 1]), id })], ...changes })],
    });

  /** Plan `a` charges 10 and a minimum of 15, plan `b` 10 and plan `c` 10 euros of 2 dollars each. */
  const drawn = (...paid: { of: PlanCharges[]; amount: DecimalInput; currency?: string }[]) => {
    const balances = paid.map(({ of: paidFor, amount, currency = "USD" }, index) =>
      sampleBalance({
        id: `balance${index}`,
        isWallet: true,
        currency,
        paidFor,
        transactions: [credited("2024-06-01", amount)],
      }),
    );
    const accountPlans = [
      planOf("a", { minimumSpend: minimumSpend(15) }),
      planOf("b"),
      planOf("c", { currency: "EUR" }),
    ];
    const conversions = [{ from: "EUR", to: "USD", multiplier: decimal(2) }];
    const rated = rateBill(
      sampleFacts({
        terms: { accountPlans, balances, conversions },
        usage: [usageOn("2024-06-10", 10)],
      }),
    );
    if (rated.outcome === "failed") throw new Error(rated.failures[0]?.failure);
    return rated.lines
      .filter(({ lineItemType }) => lineItemType === "BALANCE_CONSUMED")
      .map((line) => {
        const [type = "", plan = ""] = line.drawDown?.lineKey.split("/") ?? [];
        return `${type} ${plan} ${line.subtotal.toString()}`;
      })
      .toSorted();
  };

  test.each([
    { what: "usage of a plan", of: [usageOf("b", "b")], lines: ["USAGE b -10"] },
    { what: "usage, not the minimum", of: [usageOf("a", "a")], lines: ["USAGE a -10"] },
    { what: "the minimum, not usage", of: [minimumOf("a")], lines: ["MINIMUM_SPEND a -5"] },
    {
      what: "both",
      of: [usageOf("a", "a"), minimumOf("a")],
      lines: ["MINIMUM_SPEND a -5", "USAGE a -10"],
    },
    { what: "another price of the plan", of: [usageOf("a", "b")], lines: [] },
    { what: "a plan that is not there", of: [usageOf("d", "a"), minimumOf("d")], lines: [] },
    { what: "a price in another currency", of: [usageOf("c", "c")], lines: [] },
  ])("$what: $lines", ({ of, lines }) => {
    expect(drawn({ of, amount: 100 })).toEqual(lines);
  });

  test("money in its own currency", () => {
    expect(drawn({ of: [usageOf("c", "c")], amount: 100, currency: "EUR" })).toEqual([
      "USAGE c -10",
    ]);
  });

  test("what was paid for several plans together leaves the others' to them", () => {
    const together = { of: [usageOf("a", "a"), usageOf("b", "b")], amount: 20 };
    const alone = { of: [minimumOf("a")], amount: 5 };
    const all = ["MINIMUM_SPEND a -5", "USAGE a -10", "USAGE b -10"];
    expect(drawn(together, alone)).toEqual(all);
    expect(drawn(alone, together)).toEqual(all);
  });
});
