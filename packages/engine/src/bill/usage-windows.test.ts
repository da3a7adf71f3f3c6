import { describe, expect, test } from "vitest";
import {
  at,
  sampleAccountPlan,
  sampleBalance,
  samplePlan,
  samplePricing,
  sampleTerms,
} from "./sample-facts.ts";
import { passesUsageFilters, usageWindows, type UsageWindow } from "./usage-windows.ts";
import type { BillTerms } from "./facts.ts";

const shown = (terms: Partial<BillTerms>) =>
  usageWindows(sampleTerms(terms)).map(
    ({ key, sources }: UsageWindow) =>
      `${key}: ${sources
        .map(
          ({ accountId, period: { start, end } }) =>
            `${accountId} ${start.toString().slice(0, 10)} ${end.toString().slice(0, 10)}`,
        )
        .join(" + ")}`,
  );

const withPricing = (changes: Parameters<typeof samplePricing>[0]) => ({
  plans: [samplePlan({ pricings: [samplePricing(changes)] })],
});

describe("what has to be measured", () => {
  test("one window per account plan and pricing: period ∩ plan ∩ pricing (6.5)", () => {
    const accountPlans = [
      sampleAccountPlan({
        active: { start: at("2024-01-01"), end: at("2024-06-20") },
        ...withPricing({ active: { start: at("2024-06-05") } }),
      }),
    ];
    expect(shown({ accountPlans })).toEqual([
      "accountPlan/plan/pricing/5: account 2024-06-05 2024-06-20",
    ]);
  });

  test("tiersSpanPlan: through this period and before it", () => {
    expect(
      shown({ accountPlans: [sampleAccountPlan(withPricing({ tiersSpanPlan: true }))] }),
    ).toEqual([
      "accountPlan/plan/pricing/5: account 2024-01-01 2024-07-01",
      "accountPlan/plan/pricing/5/before: account 2024-01-01 2024-06-01",
    ]);
  });

  test("tiersSpanPlan: a contract that limits charges limits what accumulates", () => {
    const contract = {
      id: "contract",
      active: { start: at("2024-05-10"), end: at("2025-01-01") },
      applyContractPeriodLimits: true,
      usageFilters: [],
    };
    const spanning = withPricing({ tiersSpanPlan: true });
    const accountPlans = [sampleAccountPlan({ ...spanning, contractId: "contract" })];
    expect(shown({ accountPlans, contracts: [contract] })).toEqual([
      "accountPlan/plan/pricing/5: account 2024-05-10 2024-07-01",
      "accountPlan/plan/pricing/5/before: account 2024-05-10 2024-06-01",
    ]);
  });

  test("a credit pricing needs no slices: nothing draws on it", () => {
    const balances = [
      sampleBalance({ period: { start: at("2024-06-10"), end: at("2024-06-30") } }),
    ];
    const accountPlans = [sampleAccountPlan(withPricing({ type: "PRODUCT_CREDIT" }))];
    expect(shown({ accountPlans, balances })).toHaveLength(1);
  });

  test("a pool: all together, then each by itself; a child counts only while it is in", () => {
    const pool = [
      {
        account: { id: "child", code: "child" },
        productId: "product",
        periods: [{ start: at("2024-01-01"), end: at("2024-06-11") }],
      },
    ];
    expect(shown({ accountPlans: [sampleAccountPlan({ pool })] })).toEqual([
      "accountPlan/plan/pricing/5: account 2024-06-01 2024-07-01 + child 2024-06-01 2024-06-11",
      "accountPlan/plan/pricing/5/account/account: account 2024-06-01 2024-07-01",
      "accountPlan/plan/pricing/5/account/child: child 2024-06-01 2024-06-11",
    ]);
  });

  test("a credit that begins or ends inside the period: each slice", () => {
    const balances = [
      sampleBalance({ period: { start: at("2024-06-10"), end: at("2024-06-30") } }),
    ];
    expect(shown({ balances }).slice(1)).toEqual([
      "accountPlan/plan/pricing/5/slice/0: account 2024-06-01 2024-06-10",
      "accountPlan/plan/pricing/5/slice/1: account 2024-06-10 2024-06-30",
      "accountPlan/plan/pricing/5/slice/2: account 2024-06-30 2024-07-01",
    ]);
  });

  test("what a wallet paid cuts nothing", () => {
    const balances = [
      sampleBalance({ period: { start: at("2024-06-10"), end: at("2024-06-20") }, isWallet: true }),
    ];
    expect(shown({ balances })).toEqual(shown({}));
  });
});

describe("usage filters ([R], m3ter semantics 14.3)", () => {
  const filters = [
    { dimensionCode: "region", value: "EU", mode: "INCLUDE" },
    { dimensionCode: "region", value: "US", mode: "INCLUDE" },
    { dimensionCode: "tier", value: "gold", mode: "INCLUDE" },
    { dimensionCode: "user", value: "test", mode: "EXCLUDE" },
  ] as const;

  test.each([
    [{ region: "EU", tier: "gold" }, true],
    [{ region: "US", tier: "gold", user: "ann" }, true],
    [{ region: "US", tier: "silver" }, false],
    [{ region: "AU", tier: "gold" }, false],
    [{ tier: "gold" }, false],
    [{ region: "EU", tier: "gold", user: "test" }, false],
  ])("%j passes: %s", (dimensions, expected) => {
    expect(passesUsageFilters(filters, dimensions)).toBe(expected);
  });

  test("without filters everything passes", () => {
    expect(passesUsageFilters([], {})).toBe(true);
  });
});
