/**
 * The usage a bill needs, planned before anything is measured: the server runs one query per window
 * and puts the answer into the facts under the window's key.
 */

import { intersection, type Period } from "../time/period.ts";
import type {
  AccountPlanTerms,
  BillTerms,
  ContractTerms,
  PlanTerms,
  PricingTerms,
  UsageFilter,
} from "./facts.ts";

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
  readonly key: string;
}

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
): readonly PricedUsage[] => {
  const { arrears } = accountPlan;
  const contract = contractOf(terms, accountPlan);
  const charged = arrears && intersection(arrears, accountPlan.active, contractLimit(contract));
  if (arrears === undefined || charged === undefined) return [];
  return accountPlan.plans.flatMap((plan) =>
    plan.pricings.flatMap((pricing) => {
      const window = intersection(charged, pricing.active);
      const key = `${accountPlan.id}/${plan.id}/${pricing.id}/${arrears.number}`;
      return window === undefined ? [] : [{ accountPlan, plan, pricing, contract, window, key }];
    }),
  );
};

/** Every pricing that rates usage on this bill, with its window. */
export const pricedUsages = (terms: BillTerms): readonly PricedUsage[] =>
  terms.accountPlans.flatMap((accountPlan) => pricedUsagesOf(terms, accountPlan));

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

/** Everything that has to be measured for this bill. */
export const usageWindows = (terms: BillTerms): readonly UsageWindow[] =>
  pricedUsages(terms).map((usage) => windowOf(usage, usage.key, sourcesOf(usage, usage.window)));
