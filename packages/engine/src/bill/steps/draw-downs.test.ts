import { describe, expect, test } from "vitest";
import { decimal, type DecimalInput } from "../../exact/decimal.ts";
import { type BillFacts, type BillTerms } from "../facts.ts";
import { type BillLine, rateBill } from "../rate-bill.ts";
import {
  at,
  billText,
  credited,
  minimumSpend,
  on,
  planFacts,
  sampleAccountPlan,
  sampleAggregation,
  sampleBalance,
  sampleCharge,
  sampleCommitment,
  sampleFacts,
  samplePlan,
  samplePricing,
  standingCharge,
  tiered,
  usageOn,
} from "../sample-facts.ts";

const lines = (facts: BillFacts): readonly BillLine[] => {
  const bill = rateBill(facts);
  return bill.outcome === "rated" ? bill.lines : [];
};

const flat = (price: DecimalInput) => ({ pricings: [samplePricing(tiered([0, price]))] });
const used = (value: DecimalInput) => [usageOn("2024-06-10", value)];

describe("$15,000 for 12 months at $0.46 with 1 % surcharge (m3ter semantics 15.8)", () => {
  const month = (spentBefore: number, transactions: number) =>
    planFacts(flat("0.46"), {
      terms: {
        commitments: [
          sampleCommitment({
            spentBefore: decimal(spentBefore),
            overageSurchargePercent: decimal(1),
            feesDue: [
              {
                amount: decimal(1250),
                servicePeriod: { start: at("2024-06-01"), end: at("2024-07-01") },
              },
            ],
          }),
        ],
      },
      usage: used(transactions),
    });

  test("month 1: 20,000 transactions are covered, the fee is paid", () => {
    expect(billText(month(0, 20_000))).toEqual([
      "USAGE 9200.00",
      "COMMITMENT_CONSUMED -9200.00",
      "COMMITMENT_FEE 1250.00",
      "= 1250.00",
    ]);
  });

  test("month 2: 5,800 are left of 8,280; 1 % on the other 2,480", () => {
    expect(billText(month(9200, 18_000))).toEqual([
      "USAGE 8280.00",
      "COMMITMENT_CONSUMED -5800.00",
      "OVERAGE_SURCHARGE 24.80",
      "COMMITMENT_FEE 1250.00",
      "= 3754.80",
    ]);
  });

  test("month 3: exhausted earlier, so all of it is overage", () => {
    expect(billText(month(15_000, 1000))).toEqual([
      "USAGE 460.00",
      "OVERAGE_SURCHARGE 4.60",
      "COMMITMENT_FEE 1250.00",
      "= 1714.60",
    ]);
  });
});

describe("the full bill of m3ter semantics 18.10", () => {
  const plan = {
    standingCharge: standingCharge(20),
    minimumSpend: minimumSpend(100),
    pricings: [samplePricing(tiered([0, "0.15"], [500, "0.10"]))],
  };
  const commitments = [
    sampleCommitment({
      amount: decimal(1000),
      spentBefore: decimal(940),
      overageSurchargePercent: decimal(5),
    }),
  ];

  test("400 GB: the commitment covers the usage, the top-up is paid", () => {
    expect(billText(planFacts(plan, { terms: { commitments }, usage: used(400) }))).toEqual([
      "USAGE 60.00",
      "STANDING_CHARGE 20.00",
      "MINIMUM_SPEND 40.00",
      "COMMITMENT_CONSUMED -60.00",
      "= 60.00",
    ]);
  });

  test("800 GB: 5 % on the 45 beyond the commitment", () => {
    expect(billText(planFacts(plan, { terms: { commitments }, usage: used(800) }))).toEqual([
      "USAGE 105.00",
      "STANDING_CHARGE 20.00",
      "COMMITMENT_CONSUMED -60.00",
      "OVERAGE_SURCHARGE 2.25",
      "= 67.25",
    ]);
  });
});

describe("balances (m3ter semantics 16.3)", () => {
  const daily = Array.from({ length: 30 }, (_, day) =>
    usageOn(`2024-06-${String(day + 1).padStart(2, "0")}`, 8),
  );
  const bill = (terms: Partial<BillTerms>, usage = daily) =>
    billText(planFacts(flat(1), { terms, usage }));

  test("$100 active June 10-30 against $8 a day: 160 are eligible, 100 are taken", () => {
    const balances = [
      sampleBalance({ period: { start: at("2024-06-10"), end: at("2024-06-30") } }),
    ];
    expect(bill({ balances })).toEqual(["USAGE 240.00", "BALANCE_CONSUMED -100.00", "= 140.00"]);
    // With 500 in it only the 20 covered days × 8 are taken.
    const rich = [
      sampleBalance({
        period: { start: at("2024-06-10"), end: at("2024-06-30") },
        transactions: [credited("2024-06-10", 500)],
      }),
    ];
    expect(bill({ balances: rich })).toEqual([
      "USAGE 240.00",
      "BALANCE_CONSUMED -160.00",
      "= 80.00",
    ]);
  });

  test("a charge for time is covered by days", () => {
    const facts = planFacts(
      { pricings: [], standingCharge: standingCharge(300) },
      {
        terms: {
          balances: [sampleBalance({ period: { start: at("2024-06-21"), end: at("2024-12-01") } })],
        },
      },
    );
    // 10 of 30 days: 100 of the 300.
    expect(billText(facts)).toEqual([
      "STANDING_CHARGE 300.00",
      "BALANCE_CONSUMED -100.00",
      "= 200.00",
    ]);
  });

  test("a transaction counts only from the day it applies", () => {
    const balances = [
      sampleBalance({ transactions: [credited("2024-06-15", 50), credited("2024-07-02", 1000)] }),
    ];
    expect(bill({ balances })).toEqual(["USAGE 240.00", "BALANCE_CONSUMED -50.00", "= 190.00"]);
  });

  test("rollover: 70 of what is left stay drawable for ten more days", () => {
    const balances = [
      sampleBalance({
        period: { start: at("2024-01-01"), end: at("2024-06-11") },
        rolloverEnd: at("2024-06-21"),
        rolloverAmount: decimal(70),
        transactions: [credited("2024-01-01", 1000)],
      }),
    ];
    // Ten days × 8 = 80 from the balance, then 70 of the next ten days' 80 from the rollover.
    expect(bill({ balances })).toEqual([
      "USAGE 240.00",
      "BALANCE_CONSUMED -80.00",
      "BALANCE_CONSUMED -70.00",
      "= 90.00",
    ]);
    const everything = balances.map((balance) => ({ ...balance, rolloverAmount: undefined }));
    expect(bill({ balances: everything }).at(-1)).toBe("= 80.00");
  });

  test("an overdraft covers everything and goes below zero", () => {
    const facts = planFacts(flat(1), {
      terms: { balances: [sampleBalance({ allowOverdraft: true })] },
      usage: daily,
    });
    expect(billText(facts)).toEqual(["USAGE 240.00", "BALANCE_CONSUMED -240.00", "= 0.00"]);
    expect(lines(facts)[1]?.drawDown?.after.toString()).toBe("-140");
  });

  test("only a balance pays for ad-hoc charges", () => {
    const charges = [sampleCharge()];
    const usage: typeof daily = [];
    expect(bill({ charges, commitments: [sampleCommitment()] }, usage)).toEqual([
      "AD_HOC 500.00",
      "= 500.00",
    ]);
    expect(bill({ charges, balances: [sampleBalance()] }, usage)).toEqual([
      "AD_HOC 500.00",
      "BALANCE_CONSUMED -100.00",
      "= 400.00",
    ]);
  });

  test("the one whose rollover ends last goes last", () => {
    const balances = [
      sampleBalance({
        id: "a",
        period: { start: at("2024-01-01"), end: at("2024-08-01") },
        rolloverEnd: at("2025-06-01"),
      }),
      sampleBalance({ id: "b" }),
    ];
    const facts = planFacts(flat(1), { terms: { balances }, usage: used(50) });
    expect(lines(facts)[1]?.balanceId).toBe("b");
  });

  test("the one that expires first goes first", () => {
    const balances = [
      sampleBalance({ id: "late" }),
      sampleBalance({
        id: "soon",
        period: { start: at("2024-01-01"), end: at("2024-09-01") },
      }),
    ];
    const facts = planFacts(flat(1), { terms: { balances }, usage: used(150) });
    expect(
      lines(facts).flatMap(({ balanceId, subtotal }) =>
        balanceId === undefined ? [] : [`${balanceId} ${subtotal.toFixed(2)}`],
      ),
    ).toEqual(["late -50.00", "soon -100.00"]);
  });
});

describe("which credit pays for what (m3ter semantics 15.3, 15.5, 14.2, 14.3)", () => {
  const commitments = [sampleCommitment({ amount: decimal(70) })];
  const balances = [sampleBalance()];
  const consumed = (terms: Partial<BillTerms>) =>
    billText(planFacts(flat(1), { terms: { commitments, balances, ...terms }, usage: used(120) }));

  test("commitments first; the other way round when the organization or account says so", () => {
    expect(consumed({})).toEqual([
      "USAGE 120.00",
      "COMMITMENT_CONSUMED -70.00",
      "BALANCE_CONSUMED -50.00",
      "= 0.00",
    ]);
    const balanceFirst = ["BALANCE", "PREPAYMENT"] as const;
    const reversed = [
      "USAGE 120.00",
      "COMMITMENT_CONSUMED -20.00",
      "BALANCE_CONSUMED -100.00",
      "= 0.00",
    ];
    expect(
      consumed({ organization: { zone: "UTC", creditApplicationOrder: balanceFirst } }),
    ).toEqual(reversed);
    const account = { id: "account", code: "acme", creditApplicationOrder: balanceFirst };
    expect(consumed({ account: { ...account, hasChildren: false } })).toEqual(reversed);
    // Not available in a hierarchy.
    expect(consumed({ account: { ...account, hasChildren: true } })).toEqual(consumed({}));
  });

  test("only one kind when only one is named", () => {
    expect(
      consumed({ organization: { zone: "UTC", creditApplicationOrder: ["BALANCE"] } }),
    ).toEqual(["USAGE 120.00", "BALANCE_CONSUMED -100.00", "= 20.00"]);
  });

  test("products, line types and contract narrow what may draw", () => {
    const narrowed = (changes: Parameters<typeof sampleCommitment>[0]) =>
      consumed({ commitments: [sampleCommitment(changes)], balances: [] }).slice(1);
    expect(narrowed({ productIds: ["other"] })).toEqual(["= 120.00"]);
    expect(narrowed({ productIds: ["product"] })).toEqual([
      "COMMITMENT_CONSUMED -120.00",
      "= 0.00",
    ]);
    expect(narrowed({ lineItemTypes: ["STANDING_CHARGE"] })).toEqual(["= 120.00"]);
    expect(narrowed({ contractId: "contract" })).toEqual(["= 120.00"]);
  });

  test("usage before minimums before standing charges", () => {
    const plan = {
      ...flat(1),
      standingCharge: standingCharge(30),
      minimumSpend: minimumSpend(60),
    };
    const facts = planFacts(plan, {
      terms: { commitments: [sampleCommitment({ amount: decimal(75) })] },
      usage: used(40),
    });
    // 40 usage, 20 top-up, and 15 of the standing charge.
    expect(
      lines(facts).flatMap(({ drawDown, subtotal }) =>
        drawDown === undefined
          ? []
          : [
              `${drawDown.lineKey.split("/")[0]} ${subtotal.toFixed(2)} of ${drawDown.before.toString()}`,
            ],
      ),
    ).toEqual(["MINIMUM_SPEND -20.00 of 35", "STANDING_CHARGE -15.00 of 15", "USAGE -40.00 of 75"]);
  });

  test("a child's own commitment pays for the child's lines before the parent's does", () => {
    const account = { id: "child", code: "child" };
    const facts = sampleFacts({
      terms: {
        account: { id: "account", code: "acme", hasChildren: true },
        accountPlans: [
          sampleAccountPlan({ plans: [samplePlan(flat(1))] }),
          sampleAccountPlan({ id: "childPlan", account, plans: [samplePlan(flat(1))] }),
        ],
        commitments: [
          sampleCommitment({
            id: "parents",
            amount: decimal(100),
            period: { start: at("2024-01-01"), end: at("2024-08-01") },
          }),
          sampleCommitment({ id: "childs", accountId: "child", amount: decimal(30) }),
        ],
      },
      usage: [...used(50), usageOn("2024-06-11", 40, { accountId: "child" })],
    });
    expect(
      lines(facts).flatMap(({ commitmentId, childAccount, subtotal }) =>
        commitmentId === undefined
          ? []
          : [`${commitmentId} ${childAccount?.code ?? "parent"} ${subtotal.toFixed(2)}`],
      ),
    ).toEqual(["childs child -30.00", "parents parent -50.00", "parents child -10.00"]);
  });

  describe("a parent's commitment in a hierarchy (m3ter semantics 14.2)", () => {
    const child = { id: "child", code: "child" };
    const parents = (childBillingMode: "PARENT_SUMMARY" | "PARENT_BREAKDOWN" | "CHILD") =>
      sampleCommitment({ amount: decimal(100), childBillingMode });

    test.each([
      ["PARENT_BREAKDOWN", ["-50.00", "-40.00"]],
      ["PARENT_SUMMARY", ["-90.00"]],
    ] as const)("%s shows what it paid as %j", (mode, expected) => {
      const facts = sampleFacts({
        terms: {
          account: { id: "account", code: "acme", hasChildren: true },
          accountPlans: [
            sampleAccountPlan({ plans: [samplePlan(flat(1))] }),
            sampleAccountPlan({ id: "childPlan", account: child, plans: [samplePlan(flat(1))] }),
          ],
          commitments: [parents(mode)],
        },
        usage: [...used(50), usageOn("2024-06-11", 40, { accountId: "child" })],
      });
      const draws = lines(facts).filter(({ commitmentId }) => commitmentId !== undefined);
      expect(draws.map(({ subtotal }) => subtotal.toFixed(2))).toEqual(expected);
      expect(billText(facts).at(-1)).toBe("= 0.00");
    });

    const onChildsBill = (mode: "PARENT_BREAKDOWN" | "CHILD", own: readonly number[] = []) =>
      sampleFacts({
        terms: {
          account: { ...child, parentAccountId: "account", hasChildren: false },
          accountPlans: [sampleAccountPlan({ account: child, plans: [samplePlan(flat(1))] })],
          commitments: [
            parents(mode),
            ...own.map((amount) =>
              sampleCommitment({ id: "own", accountId: "child", amount: decimal(amount) }),
            ),
          ],
        },
        usage: [usageOn("2024-06-11", 40, { accountId: "child" })],
      });

    test("CHILD pays on the child's own bill, after what the child has itself", () => {
      const facts = onChildsBill("CHILD", [15]);
      const paid = lines(facts).filter(({ commitmentId }) => commitmentId !== undefined);
      expect(paid.map((line) => `${line.commitmentId} ${line.subtotal.toFixed(2)}`)).toEqual([
        "commitment -25.00",
        "own -15.00",
      ]);
      expect(billText(facts).at(-1)).toBe("= 0.00");
    });

    test("otherwise it pays only what stands on the parent's bill", () => {
      expect(billText(onChildsBill("PARENT_BREAKDOWN"))).toEqual(["USAGE 40.00", "= 40.00"]);
    });
  });
});

describe("credits lower what is owed before prepaid money is touched ([R], 10.5)", () => {
  test("a product credit leaves that much more in the commitment", () => {
    const credit = samplePricing({
      ...tiered([0, 1]),
      id: "credit",
      type: "PRODUCT_CREDIT",
      aggregation: { ...sampleAggregation, id: "credits" },
    });
    const facts = planFacts(
      { pricings: [samplePricing(tiered([0, 1])), credit] },
      {
        terms: { commitments: [sampleCommitment()] },
        usage: [...used(60), usageOn("2024-06-11", 45, { aggregationId: "credits" })],
      },
    );
    expect(billText(facts)).toEqual([
      "USAGE 60.00",
      "USAGE_CREDIT -45.00",
      "COMMITMENT_CONSUMED -15.00",
      "= 0.00",
    ]);
  });
});

describe("several currencies (m3ter semantics 18.9)", () => {
  const conversions = [
    { from: "USD", to: "EUR", multiplier: decimal("1.1") },
    { from: "JPY", to: "EUR", multiplier: decimal("0.006") },
  ];
  const odd = flat("48.495");

  test("a line that is covered in its own currency leaves no cent in the billing currency", () => {
    const facts = planFacts(odd, {
      terms: { currency: "EUR", conversions, commitments: [sampleCommitment()] },
      usage: used(1),
    });
    // 48.50 USD print as 53.34 EUR (48.495 × 1.1 = 53.3445); −48.50 × 1.1 alone would be −53.35.
    expect(billText(facts)).toEqual(["USAGE 48.50", "COMMITMENT_CONSUMED -48.50", "= 0.00"]);
    // And 48.5049 as 53.36, where −48.50 × 1.1 alone would leave a cent.
    const above = planFacts(flat("48.5049"), {
      terms: { currency: "EUR", conversions, commitments: [sampleCommitment()] },
      usage: used(1),
    });
    expect(billText(above)).toEqual(["USAGE 48.50", "COMMITMENT_CONSUMED -48.50", "= 0.00"]);
  });

  test("a credit in a third currency pays by way of the billing currency", () => {
    const balances = (yen: number) => [
      sampleBalance({ currency: "JPY", transactions: [credited("2024-01-01", yen)] }),
    ];
    const bill = (yen: number) =>
      billText(
        planFacts(odd, {
          terms: { currency: "EUR", conversions, balances: balances(yen) },
          usage: used(1),
        }),
      );
    // 53.34 EUR / 0.006 = 8,890 JPY.
    expect(bill(10_000)).toEqual(["USAGE 48.50", "BALANCE_CONSUMED -8890.00", "= 0.00"]);
    // 1,000 JPY pay 6.00 EUR.
    expect(bill(1_000)).toEqual(["USAGE 48.50", "BALANCE_CONSUMED -1000.00", "= 47.34"]);
  });

  test("no rate for a credit that would pay fails the bill", () => {
    const facts = planFacts(odd, {
      terms: { balances: [sampleBalance({ currency: "JPY" })] },
      usage: used(1),
    });
    expect(billText(facts)).toEqual(["MISSING_CONVERSION_RATE"]);
  });
});

test("a commitment that ends in mid-month pays only for its days", () => {
  const commitments = [
    sampleCommitment({ period: { start: at("2024-01-01"), end: at("2024-06-11") } }),
  ];
  const facts = planFacts(flat(1), {
    terms: { commitments, billDate: on("2024-07-01") },
    usage: [usageOn("2024-06-10", 30), usageOn("2024-06-11", 70)],
  });
  expect(billText(facts)).toEqual(["USAGE 100.00", "COMMITMENT_CONSUMED -30.00", "= 70.00"]);
});
