import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";

/** Contracts, and parents with children: whose usage is rated together, and on whose bill it stands (m3ter semantics 14). */
const scenario = billingScenario();
const { sell, use, commit, fund, charge, agree, count, totals, expectLines } = scenario;

describe.concurrent("usage filters (14.3)", () => {
  const include = (dimensionCode: string, value: string) => ({
    dimensionCode,
    value,
    mode: "INCLUDE",
  });
  const exclude = (dimensionCode: string, value: string) => ({
    ...include(dimensionCode, value),
    mode: "EXCLUDE",
  });
  test.each([
    // Of one dimension any of them, of two dimensions both: UK and FR, Standard.
    {
      usageFilters: [include("region", "UK"), include("region", "FR"), include("tier", "Standard")],
      used: 5,
    },
    { usageFilters: [exclude("region", "UK")], used: 12 },
    { usageFilters: [include("region", "UK"), exclude("tier", "Pro")], used: 1 },
    { usageFilters: [exclude("region", "UK"), exclude("region", "FR")], used: 8 },
  ])("of UK 1, UK Pro 2, FR 4 and DE 8: $used", async ({ usageFilters, used }) => {
    const account = await scenario.world.account();
    const contractId = await agree(account, { usageFilters });
    await sell({
      to: account,
      accountPlan: { contractId },
      bands: [[0, 1]],
      usage: [
        ["2024-01-05", 1, "UK"],
        ["2024-01-06", 2, "UK", "Pro"],
        ["2024-01-07", 4, "FR"],
        ["2024-01-08", 8, "DE"],
      ],
    });
    await expectLines(account, "2024-02-01", [`USAGE ${used}`, `TOTAL ${used}`]);
  });
});

describe.concurrent("a contract's period (14.3)", () => {
  test.each([
    { applyContractPeriodLimits: true, used: 6 },
    { applyContractPeriodLimits: false, used: 15 },
  ])("limits charges: $applyContractPeriodLimits", async ({ applyContractPeriodLimits, used }) => {
    const account = await scenario.world.account();
    const period = { startDate: "2024-01-06", endDate: "2024-01-16" };
    const contractId = await agree(account, { ...period, applyContractPeriodLimits });
    await sell({
      to: account,
      accountPlan: { contractId },
      bands: [[0, 1]],
      usage: [
        ["2024-01-05", 1],
        ["2024-01-06T00:00:00Z", 2],
        ["2024-01-15", 4],
        ["2024-01-16T00:00:00Z", 8],
      ],
    });
    await expectLines(account, "2024-02-01", [`USAGE ${used}`, `TOTAL ${used}`]);
  });
});

describe.concurrent("bill grouping keys (14.3)", () => {
  /** An account with usage of 1 outside of any contract, of 2 under one contract and of 4 under another. */
  const grouped = async (keys: readonly ({ exclusive: boolean } | undefined)[]) => {
    const { world } = scenario;
    const outside = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 1]] });
    const { account } = outside;
    const made = new Map<unknown, string>();
    const contracts: string[] = [];
    for (const [index, key] of keys.entries()) {
      if (key !== undefined && !made.has(key)) {
        const name = world.fresh("key");
        made.set(key, await world.create("picklists/billgroupingkeys", { name, ...key }));
      }
      const contractId = await agree(account, { billGroupingKeyId: made.get(key) });
      const usage = [["2024-01-05", 2 ** (index + 1)]] as const;
      await sell({ to: account, accountPlan: { contractId }, bands: [[0, 1]], usage });
      contracts.push(contractId);
    }
    return { account, contracts };
  };

  test("none: all on the ordinary bill", async () => {
    const { account } = await grouped([undefined, undefined]);
    expect(await totals(account, "2024-02-01")).toEqual([7]);
  });

  test("one that two contracts share: a bill for both", async () => {
    const shared = { exclusive: false };
    const { account, contracts } = await grouped([shared, shared]);
    await charge(account, { amount: 100, contractId: contracts[0] });
    await commit(account, 50, { contractId: contracts[1] });
    // The contract's charge goes with its usage; the commitment pays what its own contract charged: 4.
    expect(await totals(account, "2024-02-01")).toEqual([1, 102]);
  });

  test("an exclusive one: a bill for each contract", async () => {
    const exclusive = { exclusive: true };
    const { account } = await grouped([exclusive, exclusive]);
    expect(await totals(account, "2024-02-01")).toEqual([1, 2, 4]);
    expect(await totals(account, "2024-02-01")).toEqual([1, 2, 4]);
  });
});

describe.concurrent("a parent's plan for its children (14.2)", () => {
  const tiers = [
    [0, 1],
    [100, 0.5],
  ] as const;

  /** The parent's plan, and two children without any; parent 30, A 60, B 60. */
  const family = async (changes: { childBillingMode?: string; sale?: object } = {}) => {
    const { world } = scenario;
    const { childBillingMode = "PARENT_BREAKDOWN", sale = {} } = changes;
    const accountPlan = { childBillingMode };
    const sold = await sell({ bands: tiers, accountPlan, ...sale });
    const children = {
      a: await world.account({ parentAccountId: sold.account.id }),
      b: await world.account({ parentAccountId: sold.account.id }),
    };
    await use(sold, [["2024-01-10", 30]]);
    await use(sold, [["2024-01-11", 60]], children.a);
    await use(sold, [["2024-01-12", 60]], children.b);
    return { sold, parent: sold.account, ...children };
  };

  test.each([
    { childBillingMode: "PARENT_SUMMARY", lines: ["USAGE 125"] },
    { childBillingMode: "PARENT_BREAKDOWN", lines: ["USAGE 25", "USAGE a 50", "USAGE b 50"] },
  ])("the worked case, $childBillingMode: 150 together are 125", async ({ lines, ...mode }) => {
    const { parent, a, b } = await family(mode);
    const named = lines.map((line) =>
      line.replace(" a ", ` ${a.code} `).replace(" b ", ` ${b.code} `),
    );
    await expectLines(parent, "2024-02-01", [...named, "TOTAL 125"]);
  });

  test("the worked case, CHILD: each is billed for its share", async () => {
    const { parent, a, b } = await family({ childBillingMode: "CHILD" });
    await expectLines(parent, "2024-02-01", ["USAGE 25", "TOTAL 25"]);
    for (const child of [a, b]) await expectLines(child, "2024-02-01", ["USAGE 50", "TOTAL 50"]);
  });

  test("the standing charge is due once, whoever uses the plan", async () => {
    const template = { standingCharge: 10, minimumSpend: 200 };
    const { parent, a, b } = await family({ sale: { template } });
    // Pool 150: 125, 75 short of the minimum.
    await expectLines(parent, "2024-02-01", [
      "USAGE 25",
      `USAGE ${a.code} 50`,
      `USAGE ${b.code} 50`,
      "MINIMUM_SPEND 75",
      "STANDING_CHARGE 10",
      "TOTAL 210",
    ]);
    expect(await totals(a, "2024-02-01")).toEqual([]);
  });

  test("a maximum is that of all their measurements together", async () => {
    const { parent } = await family({
      childBillingMode: "PARENT_SUMMARY",
      sale: { aggregation: { aggregation: "MAX" } },
    });
    await expectLines(parent, "2024-02-01", ["USAGE 60", "TOTAL 60"]);
  });

  test("the odd cent goes to the largest share", async () => {
    // 100 at 0.5 by volume and 0.01 for the whole: 150 × 0.0067 = 1.005 → 1.01; shares 0.20, 0.40, 0.40 and a cent more.
    const { parent } = await family({ sale: { bands: [[0, 0.0067]] } });
    const [bill] = await scenario.world.bill(parent.id, "2024-02-01");
    expect(bill?.billTotal).toBe(1.01);
    const parts = bill?.lineItems.map(({ convertedSubtotal }) => convertedSubtotal).toSorted();
    expect(parts).toEqual([0.2, 0.4, 0.41]);
  });

  test("the parent's commitment pays for all lines of its bill", async () => {
    const { parent, a, b } = await family();
    await commit(parent, 100);
    const bill = await expectLines(parent, "2024-02-01", [
      "USAGE 25",
      `USAGE ${a.code} 50`,
      `USAGE ${b.code} 50`,
      ...(await drawn(parent, 100)),
    ]);
    expect(bill.billTotal).toBe(25);
  });

  /** How a commitment was drawn, as the bill shows it; together so much. */
  const drawn = async (parent: { id: string }, amount: number): Promise<string[]> => {
    const [bill] = await scenario.world.bill(parent.id, "2024-02-01");
    const rows =
      bill?.lineItems.filter(({ lineItemType }) => lineItemType === "COMMITMENT_CONSUMED") ?? [];
    const taken = rows.reduce((sum, row) => sum - row.convertedSubtotal, 0);
    expect(taken).toBe(amount);
    return [
      ...rows.map(({ childAccountCode, convertedSubtotal }) =>
        ["COMMITMENT_CONSUMED", childAccountCode, convertedSubtotal]
          .filter((part) => part !== undefined)
          .join(" "),
      ),
      `TOTAL ${bill?.billTotal}`,
    ];
  };

  test("a child's own commitment pays for the child's line first, then the parent's", async () => {
    // A's 20 pay for A; of 105 that are left the parent's 60 pay 60.
    const { parent, a } = await family();
    await commit(a, 20);
    await commit(parent, 60);
    const [bill] = await scenario.world.bill(parent.id, "2024-02-01");
    expect(bill?.billTotal).toBe(45);
    const commitments = await Promise.all(
      [a, parent].map(({ id }) => scenario.world.list(`commitments?accountId=${id}`)),
    );
    expect(commitments.flat().map(({ amountSpent }) => amountSpent)).toEqual([20, 60]);
  });

  test("in a hierarchy commitments go before balances, whatever the account says", async () => {
    const { parent } = await family({
      childBillingMode: "PARENT_SUMMARY",
      sale: { account: { creditApplicationOrder: ["BALANCE", "PREPAYMENT"] } },
    });
    await commit(parent, 100);
    await fund(parent, 100);
    await expectLines(parent, "2024-02-01", [
      "USAGE 125",
      "COMMITMENT_CONSUMED -100",
      "BALANCE_CONSUMED -25",
      "TOTAL 0",
    ]);
  });

  test("a child that gets a plan in mid-month leaves the pool then", async () => {
    // B's own plan starts on January 12: its 60 of that day are its own; the pool is 30 + 60 = 90.
    const { sold, parent, a, b } = await family();
    const startDate = "2024-01-12T00:00:00Z";
    await scenario.world.attach(b.id, sold.plan.id, { startDate, childBillingMode: "CHILD" });
    await expectLines(parent, "2024-02-01", ["USAGE 30", `USAGE ${a.code} 60`, "TOTAL 90"]);
    await expectLines(b, "2024-02-01", ["USAGE 60", "TOTAL 60"]);
  });
});

describe.concurrent("a child's own plan (14.2)", () => {
  /** Parent 30, A 60 and B 60, each on the plan by itself, at 1 to 100 and 0.5 above. */
  const independent = async (childBillingMode: string, sale = {}) => {
    const { world } = scenario;
    const bands = [
      [0, 1],
      [100, 0.5],
    ] as const;
    const sold = await sell({ bands, usage: [["2024-01-10", 30]], ...sale });
    const children = [];
    for (let index = 0; index < 2; index += 1) {
      const child = await world.account({ parentAccountId: sold.account.id });
      await world.attach(child.id, sold.plan.id, { childBillingMode });
      await use(sold, [["2024-01-11", 60]], child);
      children.push(child);
    }
    const [a, b] = children;
    if (a === undefined || b === undefined) throw new Error("two children");
    return { sold, parent: sold.account, a, b };
  };

  test("PARENT_BREAKDOWN: rated alone, each a line of the parent's bill, with its standing charge", async () => {
    const { parent, a, b } = await independent("PARENT_BREAKDOWN", {
      template: { standingCharge: 5 },
    });
    const own = (line: string): string[] => [a, b].map(({ code }) => line.replace("CHILD", code));
    await expectLines(parent, "2024-02-01", [
      "USAGE 30",
      "STANDING_CHARGE 5",
      ...own("USAGE CHILD 60"),
      ...own("STANDING_CHARGE CHILD 5"),
      "TOTAL 165",
    ]);
  });

  test("PARENT_SUMMARY: one line for the children, each still rated alone", async () => {
    // 60 + 60 = 120, not 100 + 10.
    const { parent } = await independent("PARENT_SUMMARY");
    await expectLines(parent, "2024-02-01", ["USAGE 30", "USAGE 120", "TOTAL 150"]);
  });

  test("CHILD: each child has its bill", async () => {
    const { parent, a, b } = await independent("CHILD");
    await expectLines(parent, "2024-02-01", ["USAGE 30", "TOTAL 30"]);
    await expectLines(a, "2024-02-01", ["USAGE 60", "TOTAL 60"]);
    await expectLines(b, "2024-02-01", ["USAGE 60", "TOTAL 60"]);
  });

  test("a child's seats stand on the parent's bill under its name", async () => {
    const { sold, parent, a } = await independent("PARENT_BREAKDOWN", { bands: undefined });
    await count({ ...sold, account: a }, [[0, 2]], { values: [["2024-01-10", 3]] });
    await expectLines(parent, "2024-02-01", [
      `COUNTER_ADJUSTMENT_DEBIT ${a.code} 6`,
      `COUNTER_RUNNING_TOTAL_CHARGE ${a.code} 6`,
      "TOTAL 12",
    ]);
  });

  test("a child's weeks stand on the parent's monthly bill that contains their end", async () => {
    // Weeks end on Tuesdays, 2024-01-09, 16, 23, 30 and February 6: 1 + 2 + 4 on February 1, the 8 of January 31 later.
    const parent = await sell({ bands: [[0, 1]] });
    const child = await scenario.world.account({ parentAccountId: parent.account.id });
    await sell({
      to: child,
      template: { billFrequency: "WEEKLY" },
      bands: [[0, 1]],
      usage: [
        ["2024-01-08", 1],
        ["2024-01-09", 2],
        ["2024-01-29", 4],
        ["2024-01-31", 8],
      ],
    });
    await expectLines(parent.account, "2024-02-01", [
      ...[1, 2, 4].map((amount) => `USAGE ${child.code} ${amount}`),
      "TOTAL 7",
    ]);
    await expectLines(parent.account, "2024-03-01", [`USAGE ${child.code} 8`, "TOTAL 8"]);
  });
});
