import { describe, expect, test } from "vitest";
import { decimal, type DecimalInput } from "../../exact/decimal.ts";
import { minimumSpendAmount } from "../derivation.ts";
import type { PlanGroupTerms, PlanTerms } from "../facts.ts";
import { rateBill } from "../rate-bill.ts";
import {
  at,
  billText,
  minimumSpend,
  on,
  planFacts,
  sampleAccountPlan,
  sampleAggregation,
  sampleFacts,
  samplePlan,
  samplePricing,
  tiered,
  usageOn,
} from "../sample-facts.ts";

const perUnit = samplePricing(tiered([0, 1]));
const used = (value: DecimalInput) => [usageOn("2024-06-10", value)];

describe("in arrears", () => {
  const plan = { pricings: [perUnit], minimumSpend: minimumSpend(250) };

  test("usage 180 is topped up to 250; 400 is not", () => {
    expect(billText(planFacts(plan, { usage: used(180) }))).toEqual([
      "USAGE 180.00",
      "MINIMUM_SPEND 70.00",
      "= 250.00",
    ]);
    expect(billText(planFacts(plan, { usage: used(400) }))).toEqual(["USAGE 400.00", "= 400.00"]);
  });

  test("no usage at all still owes the minimum ([R])", () => {
    expect(billText(planFacts(plan))).toEqual(["MINIMUM_SPEND 250.00", "= 250.00"]);
  });

  test("half a month owes half of it ([R])", () => {
    const accountPlans = [
      sampleAccountPlan({ active: { start: at("2024-06-16") }, plans: [samplePlan(plan)] }),
    ];
    // 250 × 15/30 = 125; 125 − 100 = 25.
    const facts = sampleFacts({ terms: { accountPlans }, usage: [usageOn("2024-06-20", 100)] });
    expect(billText(facts)).toEqual(["USAGE 100.00", "MINIMUM_SPEND 25.00", "= 125.00"]);
  });

  test("product credits lower what counts: the customer still ends at the minimum ([R])", () => {
    const credit = samplePricing({
      ...tiered([0, 1]),
      id: "credit",
      type: "PRODUCT_CREDIT",
      aggregation: { ...sampleAggregation, id: "credits" },
    });
    const facts = planFacts(
      { ...plan, pricings: [perUnit, credit] },
      { usage: [...used(180), usageOn("2024-06-11", 50, { aggregationId: "credits" })] },
    );
    // 180 − 50 = 130 count; 250 − 130 = 120; 180 + 120 − 50 = 250.
    expect(billText(facts)).toEqual([
      "USAGE 180.00",
      "MINIMUM_SPEND 120.00",
      "USAGE_CREDIT -50.00",
      "= 250.00",
    ]);
  });
});

test("a pricing's minimum is prorated by the pricing's own days ([R])", () => {
  const late = {
    ...perUnit,
    active: { start: at("2024-06-16") },
    minimumSpend: minimumSpend(100),
  };
  // 100 × 15/30 = 50.
  const facts = planFacts({ pricings: [late] }, { usage: [usageOn("2024-06-20", 20)] });
  expect(billText(facts)).toEqual(["USAGE 20.00", "MINIMUM_SPEND 30.00", "= 50.00"]);
});

describe("three levels, from the inside out ([R])", () => {
  const group: PlanGroupTerms = {
    id: "group",
    name: "Enterprise",
    currency: "USD",
    minimumSpend: minimumSpend(500),
  };
  const plans: readonly PlanTerms[] = [
    samplePlan({
      id: "a",
      pricings: [{ ...perUnit, minimumSpend: minimumSpend(100) }],
      minimumSpend: minimumSpend(250),
    }),
    samplePlan({
      id: "b",
      product: { id: "other", name: "Login", code: "login" },
      pricings: [],
      minimumSpend: minimumSpend(50),
    }),
  ];

  test("pricing 100, plans 250 and 50, group 500", () => {
    const facts = sampleFacts({
      terms: { accountPlans: [sampleAccountPlan({ plans, planGroup: group })] },
      usage: used(80),
    });
    // Usage 80 → pricing +20 = 100 → plan a +150 = 250; plan b +50; group 500 − 300 = 200.
    const bill = rateBill(facts);
    const lines = bill.outcome === "rated" ? bill.lines : [];
    expect(lines.map((line) => `${line.description} ${line.subtotal.toFixed(2)}`).sort()).toEqual([
      "Enterprise Minimum Spend Adjustment 200.00",
      "Gigabytes 80.00",
      "Gigabytes Minimum Spend Adjustment 20.00",
      "Login Minimum Spend Adjustment 50.00",
      "Storage Minimum Spend Adjustment 150.00",
    ]);
    expect(billText(facts).at(-1)).toBe("= 500.00");
  });
});

test("children that are billed themselves count toward the plan's minimum", () => {
  const pool = [
    {
      account: { id: "child", code: "child" },
      productId: "product",
      periods: [{ start: at("2024-01-01") }],
    },
  ];
  const facts = sampleFacts({
    terms: {
      accountPlans: [
        sampleAccountPlan({
          childBillingMode: "CHILD",
          pool,
          plans: [samplePlan({ pricings: [perUnit], minimumSpend: minimumSpend(100) })],
        }),
      ],
    },
    usage: [...used(30), usageOn("2024-06-11", 50, { accountId: "child" })],
  });
  // 80 in all, 30 of it here: 20 are missing to 100.
  expect(billText(facts)).toEqual(["USAGE 30.00", "MINIMUM_SPEND 20.00", "= 50.00"]);
});

describe("in advance", () => {
  const plan = {
    pricings: [perUnit],
    minimumSpend: minimumSpend(1000, { billInAdvance: true }),
  };
  const key = "MINIMUM_SPEND/accountPlan/plan/5";

  test("the full minimum at the period's start", () => {
    const accountPlans = [
      sampleAccountPlan({ active: { start: at("2024-06-01") }, plans: [samplePlan(plan)] }),
    ];
    const facts = sampleFacts({ terms: { accountPlans, billDate: on("2024-06-01") } });
    expect(billText(facts)).toEqual(["MINIMUM_SPEND 1000.00", "= 1000.00"]);
  });

  test("a plan's minimum holds those of its pricings: 250 in all, not 350", () => {
    const nested = (inner: number) =>
      sampleAccountPlan({
        active: { start: at("2024-06-01") },
        plans: [
          samplePlan({
            pricings: [{ ...perUnit, minimumSpend: minimumSpend(inner, { billInAdvance: true }) }],
            minimumSpend: minimumSpend(250, { billInAdvance: true }),
          }),
        ],
      });
    const opening = (inner: number) =>
      sampleFacts({ terms: { accountPlans: [nested(inner)], billDate: on("2024-06-01") } });
    expect(billText(opening(100))).toEqual([
      "MINIMUM_SPEND 150.00",
      "MINIMUM_SPEND 100.00",
      "= 250.00",
    ]);
    expect(billText(opening(300))).toEqual(["MINIMUM_SPEND 300.00", "= 300.00"]);
    // Usage 180: the pricing gives back its 100; the plan wants 250 of 180 + 0 + 100 − 100, and has 150.
    const closing = sampleFacts({
      terms: {
        accountPlans: [
          { ...nested(100), active: { start: at("2024-06-01"), end: at("2024-07-01") } },
        ],
      },
      usage: used(180),
      billedInAdvance: {
        "MINIMUM_SPEND/accountPlan/plan/pricing/0": 100,
        "MINIMUM_SPEND/accountPlan/plan/0": 150,
      },
    });
    expect(billText(closing)).toEqual([
      "USAGE 180.00",
      "MINIMUM_SPEND_REFUND -80.00",
      "MINIMUM_SPEND_REFUND -100.00",
      "= 0.00",
    ]);
  });

  test("usage 800: 800 come back, so that both bills net to 1000", () => {
    const ended = sampleAccountPlan({
      active: { start: at("2024-01-01"), end: at("2024-07-01") },
      plans: [samplePlan(plan)],
    });
    const facts = sampleFacts({
      terms: { accountPlans: [ended] },
      usage: used(800),
      billedInAdvance: { [key]: 1000 },
    });
    expect(billText(facts)).toEqual(["USAGE 800.00", "MINIMUM_SPEND_REFUND -800.00", "= 0.00"]);
  });

  test("a period that one bill opens and closes costs its minimum once", () => {
    const active = { start: at("2024-06-01"), end: at("2024-07-01") };
    const closing = sampleAccountPlan({ active, plans: [samplePlan(plan)] });
    const facts = sampleFacts({ terms: { accountPlans: [closing] }, usage: used(800) });
    const opening = { ...closing, advance: { number: 0, ...active } };
    const both = { ...facts, accountPlans: [...facts.accountPlans, opening] };
    expect(billText(both)).toEqual([
      "USAGE 800.00",
      "MINIMUM_SPEND 1000.00",
      "MINIMUM_SPEND_REFUND -800.00",
      "= 1000.00",
    ]);
  });

  test.each([
    // [usage, billed, NET_TO_MAX, DOCUMENTED_DIFFERENCE]
    ["800", "1000", "-800", "-200"],
    ["1500", "1000", "-1000", "0"],
    ["0", "1000", "0", "-1000"],
    // Nothing was billed in advance: the shortfall is due now.
    ["800", "0", "200", "200"],
  ])("usage %s, billed %s: %s, as documented %s", (charges, billed, net, documented) => {
    const given = {
      minimum: decimal(1000),
      charges: decimal(charges),
      billed: decimal(billed),
    };
    expect(minimumSpendAmount({ ...given, refundMode: "NET_TO_MAX" }).toString()).toBe(net);
    expect(minimumSpendAmount({ ...given, refundMode: "DOCUMENTED_DIFFERENCE" }).toString()).toBe(
      documented,
    );
  });
});
