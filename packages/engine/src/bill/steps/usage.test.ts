import { describe, expect, test } from "vitest";
import { decimal, zero } from "../../exact/decimal.ts";
import { amountOf, stated } from "../derivation.ts";
import type { BillFacts } from "../facts.ts";
import { measuredQuantity } from "../quantities.ts";
import { rateBill } from "../rate-bill.ts";
import {
  at,
  billText,
  credited,
  on,
  planFacts,
  sampleAccountPlan,
  sampleAggregation,
  sampleBalance,
  sampleFacts,
  samplePlan,
  samplePricing,
  sampleTerms,
  tiered,
  usageOn,
  volume,
} from "../sample-facts.ts";
import { usageWindows } from "../usage-windows.ts";

const lines = (facts: BillFacts) => {
  const bill = rateBill(facts);
  return bill.outcome === "rated" ? bill.lines : [];
};

describe("segments (m3ter semantics 6.4)", () => {
  test("each segment has its own line, named after its values in field order", () => {
    const aggregation = { ...sampleAggregation, segmentedFields: ["location", "type"] };
    const pricings = [
      { location: "UK", type: "Standard" },
      { location: "UK", type: "*" },
      { location: "*", type: "*" },
    ].map((segment, index) =>
      samplePricing({ ...tiered([0, 1]), id: `pricing${index}`, aggregation, segment }),
    );
    const terms = sampleTerms({
      accountPlans: [sampleAccountPlan({ plans: [samplePlan({ pricings })] })],
    });
    // Events (UK,Standard,2), (UK,Complete,1), (USA,Standard,5): sums 2 / 1 / 5 by segment.
    const answers = [2, 1, 5];
    const windows = usageWindows(terms);
    expect(windows.map(({ segment }) => segment)).toEqual(pricings.map(({ segment }) => segment));
    const quantities = Object.fromEntries(
      windows.map(({ key }, index) => [key, { quantity: decimal(answers[index] ?? 0) }]),
    );
    const facts = { ...terms, quantities, billedInAdvance: {} };
    expect(lines(facts).map((line) => `${line.description} ${line.subtotal.toFixed(2)}`)).toEqual([
      "Gigabytes (UK, Standard) 2.00",
      "Gigabytes (UK, *) 1.00",
      "Gigabytes (*, *) 5.00",
    ]);
  });
});

const spanning = (ladder: ReturnType<typeof tiered>) => ({
  pricings: [samplePricing({ ...ladder, tiersSpanPlan: true })],
});

describe("tiersSpanPlan (m3ter semantics 10.4)", () => {
  const before = usageOn("2024-05-10", 400);
  const storage = tiered([0, "0.15"], [500, "0.10"]);

  test("graduated: the tiers go on where the last bill stopped", () => {
    // C0 = 400, C1 = 700: (500 × 0.15 + 200 × 0.10) − 400 × 0.15 = 95 − 60 = 35.
    const facts = planFacts(spanning(storage), { usage: [before, usageOn("2024-06-10", 300)] });
    expect(billText(facts)).toEqual(["USAGE 35.00", "= 35.00"]);
    const [line] = lines(facts);
    // 100 units were left in the first band.
    expect(line?.bandUsage.map(({ bandUnits }) => bandUnits.toString())).toEqual(["100", "200"]);
    expect(line?.quantity.toString()).toBe("300");
  });

  test("graduated: a fixed price falls due once, when its band is first entered", () => {
    const custom = tiered([0, 1, 10], [100, "0.8", 5]);
    const first = planFacts(spanning(custom), { usage: [usageOn("2024-06-10", 50)] });
    // 10 + 50 × 1
    expect(billText(first)).toEqual(["USAGE 60.00", "= 60.00"]);
    const second = planFacts(spanning(custom), {
      usage: [usageOn("2024-05-10", 50), usageOn("2024-06-10", 100)],
    });
    // 50 × 1 + 5 + 50 × 0.8: the 10 were due in May.
    expect(billText(second)).toEqual(["USAGE 95.00", "= 95.00"]);
  });

  test("volume: new units at the price they reach, never re-rating what is billed ([R])", () => {
    const ladder = volume([0, "0.15", 2], [500, "0.10", 7]);
    const facts = (june: number) =>
      planFacts(spanning(ladder), { usage: [before, usageOn("2024-06-10", june)] });
    // 300 × 0.10 + 7 for the newly reached band; as one ladder it would be 700 × 0.10 + 7 − 62.
    expect(billText(facts(300))).toEqual(["USAGE 37.00", "= 37.00"]);
    // Still in the first band: 50 × 0.15, its 2 were due in May.
    expect(billText(facts(50))).toEqual(["USAGE 7.50", "= 7.50"]);
  });

  test("no usage in this period, no line; a new account plan starts again", () => {
    expect(billText(planFacts(spanning(storage), { usage: [before] }))).toEqual(["= 0.00"]);
    const restarted = sampleFacts({
      terms: {
        accountPlans: [
          sampleAccountPlan({
            active: { start: at("2024-06-01") },
            plans: [samplePlan(spanning(storage))],
          }),
        ],
      },
      usage: [before, usageOn("2024-06-10", 300)],
    });
    // 300 × 0.15
    expect(billText(restarted)).toEqual(["USAGE 45.00", "= 45.00"]);
  });

  test("a maximum accumulates as the maximum so far ([R])", () => {
    const aggregation = { ...sampleAggregation, method: "MAX" } as const;
    const pricing = samplePricing({ ...storage, tiersSpanPlan: true, aggregation });
    const facts = planFacts(
      { pricings: [pricing] },
      { usage: [before, usageOn("2024-06-10", 300), usageOn("2024-06-11", 600)] },
    );
    // max 400 → max 600: (75 + 10) − 60.
    expect(billText(facts)).toEqual(["USAGE 25.00", "= 25.00"]);
  });
});

describe("parent and children (m3ter semantics 14.2)", () => {
  const pricing = samplePricing(tiered([0, 1], [100, "0.5"]));
  const children = ["childA", "childB"].map((id) => ({
    account: { id, code: id },
    productId: "product",
    periods: [{ start: at("2024-01-01") }],
  }));
  const usage = [
    usageOn("2024-06-10", 30),
    usageOn("2024-06-11", 60, { accountId: "childA" }),
    usageOn("2024-06-12", 60, { accountId: "childB" }),
  ];
  const facts = (
    childBillingMode: "PARENT_SUMMARY" | "PARENT_BREAKDOWN" | "CHILD",
    billOf = "account",
  ) =>
    sampleFacts({
      terms: {
        account: { id: billOf, code: billOf, hasChildren: billOf === "account" },
        accountPlans: [
          sampleAccountPlan({
            childBillingMode,
            plans: [samplePlan({ pricings: [pricing] })],
            pool: children,
          }),
        ],
      },
      usage,
    });

  test("the pool of 150 is rated as one and shown by share of quantity", () => {
    // 100 × 1 + 50 × 0.5 = 125; 30, 60 and 60 of 150: 25 / 50 / 50.
    const shown = lines(facts("PARENT_BREAKDOWN"));
    expect(
      shown.map((line) => `${line.childAccount?.code ?? "parent"} ${line.subtotal.toFixed(2)}`),
    ).toEqual(["parent 25.00", "childA 50.00", "childB 50.00"]);
    expect(billText(facts("PARENT_BREAKDOWN")).at(-1)).toBe("= 125.00");
  });

  test("PARENT_SUMMARY shows one line", () => {
    expect(billText(facts("PARENT_SUMMARY"))).toEqual(["USAGE 125.00", "= 125.00"]);
  });

  test("CHILD bills each account its own share", () => {
    expect(billText(facts("CHILD"))).toEqual(["USAGE 25.00", "= 25.00"]);
    expect(billText(facts("CHILD", "childA"))).toEqual(["USAGE 50.00", "= 50.00"]);
  });

  test("the residual cent goes to the largest share", () => {
    // 100.00 in thirds by 1 : 1 : 1.0001 of quantity: 33.33 + 33.33 + 33.34.
    const flat = samplePricing(tiered([0, 0, 100]));
    const split = sampleFacts({
      terms: {
        accountPlans: [
          sampleAccountPlan({ plans: [samplePlan({ pricings: [flat] })], pool: children }),
        ],
      },
      usage: [
        usageOn("2024-06-10", 1),
        usageOn("2024-06-11", 1, { accountId: "childA" }),
        usageOn("2024-06-12", "1.0001", { accountId: "childB" }),
      ],
    });
    expect(billText(split)).toEqual(["USAGE 33.33", "USAGE 33.33", "USAGE 33.34", "= 100.00"]);
  });

  test("who used nothing has no line; nobody but the plan's own account has the default ([R])", () => {
    const defaulted = samplePricing({
      ...tiered([0, 1]),
      aggregation: { ...sampleAggregation, defaultValue: decimal(7) },
    });
    const pool = (used: typeof usage) =>
      sampleFacts({
        terms: {
          accountPlans: [
            sampleAccountPlan({ plans: [samplePlan({ pricings: [defaulted] })], pool: children }),
          ],
        },
        usage: used,
      });
    const shown = (given: BillFacts) =>
      lines(given).map(
        ({ childAccount, subtotal }) => `${childAccount?.code ?? "parent"} ${subtotal.toFixed(2)}`,
      );
    // 60 of child A alone, without 7 of a default for each of the other two.
    expect(shown(pool(usage.slice(1, 2)))).toEqual(["childA 60.00"]);
    expect(shown(pool([]))).toEqual(["parent 7.00"]);
  });

  test("PARENT_SUMMARY merges by pricing, not across pricings", () => {
    const plans = [
      samplePlan({ pricings: [pricing, samplePricing({ ...tiered([0, 2]), id: "second" })] }),
    ];
    const accountPlans = ["account", "childA"].map((id) =>
      sampleAccountPlan({
        id: `plan of ${id}`,
        account: { id, code: id },
        childBillingMode: "PARENT_SUMMARY",
        plans,
      }),
    );
    // 30 + 60 at 1; (30 + 60) at 2.
    expect(billText(sampleFacts({ terms: { accountPlans }, usage }))).toEqual([
      "USAGE 90.00",
      "USAGE 180.00",
      "= 270.00",
    ]);
  });

  test("children with plans of their own are rated by themselves: 30 + 60 + 60", () => {
    const plans = [samplePlan({ pricings: [pricing] })];
    const accountPlans = [
      sampleAccountPlan({ plans }),
      ...children.map(({ account }) =>
        sampleAccountPlan({ id: `plan of ${account.id}`, account, plans }),
      ),
    ];
    expect(billText(sampleFacts({ terms: { accountPlans }, usage }))).toEqual([
      "USAGE 30.00",
      "USAGE 60.00",
      "USAGE 60.00",
      "= 150.00",
    ]);
    const summary = accountPlans.map((each) => ({
      ...each,
      childBillingMode: "PARENT_SUMMARY" as const,
    }));
    expect(billText(sampleFacts({ terms: { accountPlans: summary }, usage }))).toEqual([
      "USAGE 150.00",
      "= 150.00",
    ]);
  });
});

const grant = (changes: Parameters<typeof sampleBalance>[0] = {}) =>
  sampleBalance({
    currency: "GB",
    isGrant: true,
    transactions: [credited("2024-01-01", 1000)],
    ...changes,
  });

describe("grants (m3ter semantics 16.4)", () => {
  const pricings = [samplePricing(tiered([0, "0.15"]))];

  test("1,300 GB with 1,000 granted: 300 × 0.15", () => {
    const facts = planFacts(
      { pricings },
      { terms: { balances: [grant()] }, usage: [usageOn("2024-06-10", 1300)] },
    );
    expect(billText(facts)).toEqual(["USAGE 45.00", "BALANCE_CONSUMED -1000.00", "= 45.00"]);
    const [usageLine, consumed] = lines(facts);
    expect(usageLine?.quantity.toString()).toBe("1300");
    expect(usageLine?.units.toString()).toBe("300");
    expect(consumed?.convertedSubtotal.toString()).toBe("0");
    expect(consumed?.drawDown?.after.toString()).toBe("0");
  });

  test("where tiers span the plan it gives the first units of the period, which count on the ladder ([R])", () => {
    // 0.15, above 500 0.10. 400 before; 300 now, of which 50 are granted: T(700) − T(450) = 95 − 67.50 = 27.50.
    const facts = planFacts(
      { pricings: [samplePricing({ ...tiered([0, "0.15"], [500, "0.10"]), tiersSpanPlan: true })] },
      {
        terms: { balances: [grant({ transactions: [credited("2024-01-01", 50)] })] },
        usage: [usageOn("2024-05-10", 400), usageOn("2024-06-10", 300)],
      },
    );
    expect(billText(facts)).toEqual(["USAGE 27.50", "BALANCE_CONSUMED -50.00", "= 27.50"]);
    expect(lines(facts)[0]?.units.toString()).toBe("250");
    expect(amountOf(lines(facts)[0]?.derivation ?? stated(zero)).toString()).toBe("27.5");
  });

  test("where tiers span the plan it gives no more than the period's own units", () => {
    const facts = planFacts(
      { pricings: [samplePricing({ ...tiered([0, "0.15"]), tiersSpanPlan: true })] },
      {
        terms: { balances: [grant()] },
        usage: [usageOn("2024-05-10", 400), usageOn("2024-06-10", 300)],
      },
    );
    expect(billText(facts)).toEqual(["USAGE 0.00", "BALANCE_CONSUMED -300.00", "= 0.00"]);
  });

  test("what it gives to a pool is booked once, on the bill of the plan's own account", () => {
    const billOf = (id: string) =>
      sampleFacts({
        terms: {
          account: { id, code: id, hasChildren: id === "account" },
          balances: [grant({ transactions: [credited("2024-01-01", 40)] })],
          accountPlans: [
            sampleAccountPlan({
              childBillingMode: "CHILD",
              plans: [samplePlan({ pricings: [samplePricing(tiered([0, 1]))] })],
              pool: [
                {
                  account: { id: "child", code: "child" },
                  productId: "product",
                  periods: [{ start: at("2024-01-01") }],
                },
              ],
            }),
          ],
        },
        usage: [usageOn("2024-06-10", 60), usageOn("2024-06-10", 40, { accountId: "child" })],
      });
    // 60 of 100 are priced; 60 % of that here, 40 % on the child's bill.
    expect(billText(billOf("account"))).toEqual([
      "USAGE 36.00",
      "BALANCE_CONSUMED -40.00",
      "= 36.00",
    ]);
    expect(billText(billOf("child"))).toEqual(["USAGE 24.00", "= 24.00"]);
  });

  test("a second grant gives only what the first leaves open", () => {
    const small = grant({ id: "a", transactions: [credited("2024-01-01", 200)] });
    const facts = planFacts(
      { pricings },
      {
        terms: { balances: [small, grant({ id: "b" })] },
        usage: [usageOn("2024-06-10", 300)],
      },
    );
    expect(billText(facts)).toEqual([
      "USAGE 0.00",
      "BALANCE_CONSUMED -200.00",
      "BALANCE_CONSUMED -100.00",
      "= 0.00",
    ]);
  });

  test("two grants: the one that ends first, and only for usage while it is active", () => {
    const soon = grant({
      id: "soon",
      period: { start: at("2024-06-01"), end: at("2024-06-11") },
      transactions: [credited("2024-06-01", 500)],
    });
    const facts = planFacts(
      { pricings },
      {
        terms: { balances: [grant(), soon] },
        usage: [usageOn("2024-06-10", 200), usageOn("2024-06-20", 1200)],
      },
    );
    // `soon` gives the 200 of its ten days, the other one its 1,000; 200 × 0.15 are left.
    expect(billText(facts)).toEqual([
      "USAGE 30.00",
      "BALANCE_CONSUMED -1000.00",
      "BALANCE_CONSUMED -200.00",
      "= 30.00",
    ]);
  });
});

describe("contracts (m3ter semantics 14.3)", () => {
  const contract = {
    id: "contract",
    active: { start: at("2024-06-11"), end: at("2024-06-21") },
    applyContractPeriodLimits: true,
    usageFilters: [{ dimensionCode: "region", value: "EU", mode: "INCLUDE" }],
  } as const;
  const accountPlans = [sampleAccountPlan({ contractId: "contract" })];

  test("limits charges to its period and passes its filters on", () => {
    const terms = sampleTerms({ accountPlans, contracts: [contract] });
    const [window] = usageWindows(terms);
    expect(window?.filters).toEqual(contract.usageFilters);
    expect(window?.sources[0]?.period.start.toString()).toBe("2024-06-11T00:00:00Z");
    expect(window?.sources[0]?.period.end.toString()).toBe("2024-06-21T00:00:00Z");
  });

  test("without the limit the account plan's period holds", () => {
    const loose = { ...contract, applyContractPeriodLimits: false };
    const [window] = usageWindows(sampleTerms({ accountPlans, contracts: [loose] }));
    expect(window?.sources[0]?.period.start.toString()).toBe("2024-06-01T00:00:00Z");
  });
});

test("an aggregation's default stands in for usage that was not measured", () => {
  const aggregation = { ...sampleAggregation, defaultValue: decimal(10) };
  const pricing = samplePricing({ ...tiered([0, 1]), aggregation });
  const facts = planFacts({ pricings: [pricing] });
  expect(measuredQuantity(facts, "accountPlan/plan/pricing/5", pricing)).toEqual(decimal(10));
  expect(billText(facts)).toEqual(["USAGE 10.00", "= 10.00"]);
});

test("accounting product: pricing, else aggregation, else the plan's product", () => {
  const byPricing = { id: "p", name: "P", code: "p" };
  const byAggregation = { id: "a", name: "A", code: "a" };
  const aggregation = { ...sampleAggregation, accountingProduct: byAggregation };
  const pricings = [
    samplePricing({ id: "1", aggregation, accountingProduct: byPricing }),
    samplePricing({ id: "2", aggregation }),
    samplePricing({ id: "3" }),
  ];
  const shown = lines(planFacts({ pricings }, { usage: [usageOn("2024-06-10", 1)] }));
  expect(shown.map(({ accountingProduct }) => accountingProduct?.id)).toEqual([
    "p",
    "a",
    "product",
  ]);
});

test("a plan that starts and another that ends inside the month each rate their days", () => {
  const accountPlans = [
    sampleAccountPlan({ id: "old", active: { start: at("2024-01-01"), end: at("2024-06-11") } }),
    sampleAccountPlan({ id: "new", active: { start: at("2024-06-11") } }),
  ];
  const facts = sampleFacts({
    terms: { accountPlans, billDate: on("2024-07-01") },
    usage: [usageOn("2024-06-10T23:59:59Z", 600), usageOn("2024-06-11", 400)],
  });
  // 500 × 0.15 + 100 × 0.10 = 85 and 400 × 0.15 = 60.
  expect(billText(facts)).toEqual(["USAGE 85.00", "USAGE 60.00", "= 145.00"]);
});
