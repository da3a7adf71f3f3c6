/**
 * The usage a bill needs, planned before anything is measured: the server runs one query per window
 * and puts the answer into the facts under the window's key.
 */

import { effectiveEnd } from "../balances/balance.ts";
import {
  contains,
  intersection,
  isBefore,
  later,
  type Period,
  splitPeriod,
} from "../time/period.ts";
import type {
  AccountPlanTerms,
  AccountRef,
  BillTerms,
  ContractTerms,
  PlanTerms,
  PricingTerms,
  UsageFilter,
} from "./facts.ts";
import { isAdditive } from "./rules.ts";

/** Measurements of one account in one period. */
export interface UsageSource {
  readonly accountId: string;
  readonly period: Period;
}

/** One question to the usage store: the aggregation over all measurements of the sources together. */
export interface UsageWindow {
  readonly key: string;
  readonly aggregationType: "SIMPLE" | "COMPOUND";
  readonly aggregationId: string;
  readonly sources: readonly UsageSource[];
  readonly segment?: Readonly<Record<string, string>> | undefined;
  /** See `passesUsageFilters` for what they let through. */
  readonly filters: readonly UsageFilter[];
}

/** A pricing where it applies on this bill. */
export interface PricedUsage {
  readonly accountPlan: AccountPlanTerms;
  readonly plan: PlanTerms;
  readonly pricing: PricingTerms;
  readonly contract?: ContractTerms | undefined;
  /** Bill period ∩ account plan ∩ pricing ∩ contract period ([R], m3ter semantics 6.5). */
  readonly window: Period;
  /** Key of the window's own question; the others below derive from it. */
  readonly key: string;
}

/** The question for one account of a pool. */
export const accountKey = ({ key }: PricedUsage, accountId: string): string =>
  `${key}/account/${accountId}`;

/** The question for one slice of the window, where a credit begins or ends inside it. */
export const sliceKey = (usageKey: string, index: number): string => `${usageKey}/slice/${index}`;

/** tiersSpanPlan: the plan's usage before the window. */
export const beforeKey = ({ key }: PricedUsage): string => `${key}/before`;

export const contractOf = (
  terms: BillTerms,
  owner: { readonly contractId?: string | undefined },
): ContractTerms | undefined =>
  owner.contractId === undefined
    ? undefined
    : terms.contracts.find(({ id }) => id === owner.contractId);

/** The contract's period when it limits charges; undefined limits nothing. */
export const contractLimit = (contract: ContractTerms | undefined): Period | undefined =>
  contract?.applyContractPeriodLimits === true ? contract.active : undefined;

const pricedUsagesOf = (
  terms: BillTerms,
  accountPlan: AccountPlanTerms,
  types: readonly PricingTerms["type"][],
): readonly PricedUsage[] => {
  const { arrears } = accountPlan;
  const contract = contractOf(terms, accountPlan);
  const charged = arrears && intersection(arrears, accountPlan.active, contractLimit(contract));
  if (arrears === undefined || charged === undefined) return [];
  return accountPlan.plans.flatMap((plan) =>
    plan.pricings.flatMap((pricing) => {
      if (!types.includes(pricing.type)) return [];
      const window = intersection(charged, pricing.active);
      const piece = pricing.piece === undefined ? "" : `.${pricing.piece}`;
      const key = `${accountPlan.id}/${plan.id}/${pricing.id}${piece}/${arrears.number}`;
      return window === undefined ? [] : [{ accountPlan, plan, pricing, contract, window, key }];
    }),
  );
};

const everyType: readonly PricingTerms["type"][] = ["DEBIT", "PRODUCT_CREDIT", "GLOBAL_CREDIT"];

/** Every pricing that rates usage on this bill, with its window; only some types if asked. */
export const pricedUsages = (
  terms: BillTerms,
  types: readonly PricingTerms["type"][] = everyType,
): readonly PricedUsage[] =>
  terms.accountPlans.flatMap((accountPlan) => pricedUsagesOf(terms, accountPlan, types));

/** The accounts that are rated together: the plan's own, then its pool. */
export const pooledAccounts = ({ accountPlan, plan }: PricedUsage): readonly AccountRef[] => [
  accountPlan.account,
  ...accountPlan.pool
    .filter(({ productId }) => productId === plan.product.id)
    .map(({ account }) => account),
];

/** The plan's own account over the period, and its pool as far as it shares the period. */
const sourcesOf = ({ accountPlan, plan }: PricedUsage, period: Period): readonly UsageSource[] => [
  { accountId: accountPlan.account.id, period },
  ...accountPlan.pool
    .filter(({ productId }) => productId === plan.product.id)
    .flatMap(({ account, periods }) =>
      periods.flatMap((shared) => {
        const part = intersection(period, shared);
        return part === undefined ? [] : [{ accountId: account.id, period: part }];
      }),
    ),
];

const windowOf = (
  usage: PricedUsage,
  key: string,
  sources: readonly UsageSource[],
): UsageWindow => ({
  key,
  aggregationType: usage.pricing.aggregation.type,
  aggregationId: usage.pricing.aggregation.id,
  sources,
  segment: usage.pricing.segment,
  filters: usage.contract?.usageFilters ?? [],
});

/**
 * tiersSpanPlan: from where usage accumulates. A new account plan and a new pricing each start again
 * ([R], m3ter semantics 10.4).
 */
export const spanStart = ({
  plan,
  pricing,
  limit,
}: {
  readonly plan: Pick<Period, "start">;
  readonly pricing: Pick<Period, "start">;
  /** Of the contract, where it limits charges. */
  readonly limit: Pick<Period, "start"> | undefined;
}): Temporal.Instant => {
  const start = later(plan.start, pricing.start);
  return limit === undefined ? start : later(start, limit.start);
};

const spanStartOf = ({ accountPlan, pricing, contract }: PricedUsage): Temporal.Instant =>
  spanStart({ plan: accountPlan.active, pricing: pricing.active, limit: contractLimit(contract) });

const spanWindows = (usage: PricedUsage): readonly UsageWindow[] => {
  const start = spanStartOf(usage);
  const { window } = usage;
  const through = sourcesOf(usage, { start, end: window.end });
  const before = sourcesOf(usage, { start, end: window.start });
  return [
    windowOf(usage, usage.key, through),
    ...(isBefore(start, window.start) ? [windowOf(usage, beforeKey(usage), before)] : []),
  ];
};

/** Whether the window is the first that the span accumulates. */
export const isFirstOfSpan = (usage: PricedUsage): boolean =>
  !isBefore(spanStartOf(usage), usage.window.start);

/**
 * Where a commitment or a balance begins or ends: there a charge is cut (15.3, 16.3). What a wallet paid cuts nothing:
 * it pays for all that its plan charges, and is read after it was decided what to measure.
 */
const creditEdges = (terms: BillTerms): readonly Temporal.Instant[] => [
  ...terms.commitments.flatMap(({ period }) => [period.start, period.end]),
  ...terms.balances
    .filter(({ isWallet }) => isWallet !== true)
    .flatMap((balance) => [balance.period.start, balance.period.end, effectiveEnd(balance)]),
];

/** The period cut wherever a credit begins or ends: each slice is drawn on by the same credits. */
export const creditSlices = (terms: BillTerms, period: Period): readonly Period[] =>
  splitPeriod(period, creditEdges(terms));

const sliceWindows = (terms: BillTerms, usage: PricedUsage): readonly UsageWindow[] => {
  const { pricing, window, key } = usage;
  if (pricing.type !== "DEBIT" || !isAdditive(pricing)) return [];
  const slices = creditSlices(terms, window);
  if (slices.length < 2) return [];
  return slices.map((slice, index) =>
    windowOf(usage, sliceKey(key, index), sourcesOf(usage, slice)),
  );
};

/** A pool that is shown account by account needs each account's own quantity. */
export const isSplitByAccount = (usage: PricedUsage): boolean =>
  pooledAccounts(usage).length > 1 && usage.accountPlan.childBillingMode !== "PARENT_SUMMARY";

const accountWindows = (usage: PricedUsage): readonly UsageWindow[] =>
  isSplitByAccount(usage)
    ? pooledAccounts(usage).map(({ id }) =>
        windowOf(
          usage,
          accountKey(usage, id),
          sourcesOf(usage, usage.window).filter(({ accountId }) => accountId === id),
        ),
      )
    : [];

/** Everything that has to be measured for this bill. */
export const usageWindows = (terms: BillTerms): readonly UsageWindow[] =>
  pricedUsages(terms).flatMap((usage) => [
    ...(usage.pricing.tiersSpanPlan
      ? spanWindows(usage)
      : [windowOf(usage, usage.key, sourcesOf(usage, usage.window))]),
    ...accountWindows(usage),
    ...sliceWindows(terms, usage),
  ]);

/**
 * Whether usage with those dimensions passes a contract's filters: of each included dimension one of
 * the values, and none of the excluded ones ([R], m3ter semantics 14.3).
 */
export const passesUsageFilters = (
  filters: readonly UsageFilter[],
  dimensions: Readonly<Record<string, string | undefined>>,
): boolean => {
  const matches = ({ dimensionCode, value }: UsageFilter) => dimensions[dimensionCode] === value;
  const included = filters.filter(({ mode }) => mode === "INCLUDE");
  const excluded = filters.filter(({ mode }) => mode === "EXCLUDE");
  return (
    included.every(({ dimensionCode }) =>
      included.some((filter) => filter.dimensionCode === dimensionCode && matches(filter)),
    ) && !excluded.some(matches)
  );
};

/** Whether a charge of that moment falls into the period that this bill closes for the plan. */
export const isInArrears = (accountPlan: AccountPlanTerms, at: Temporal.Instant): boolean =>
  accountPlan.arrears !== undefined && contains(accountPlan.arrears, at);
