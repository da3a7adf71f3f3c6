import { compareInstants } from "../time/period.ts";
import type { Ladder, PricingBand } from "../pricing/bands.ts";
import type { AccountPlanTerms, BillFacts, PlanTerms, PricingTerms } from "./facts.ts";

/** The same on every machine, whatever its locale. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => byText(a.id, b.id);

const isAscending = (bands: readonly PricingBand[]): boolean =>
  bands.every(({ lowerLimit }, index) => bands[index - 1]?.lowerLimit.lte(lowerLimit) ?? true);

const bandsInOrder = (bands: readonly PricingBand[]): readonly PricingBand[] =>
  isAscending(bands) ? bands : bands.toSorted((a, b) => a.lowerLimit.cmp(b.lowerLimit));

/** Most price lists stand in order already; only the others are copied. */
const laddersInOrder = <Priced extends Ladder>(priced: Priced): Priced => {
  const bands = bandsInOrder(priced.bands);
  return bands === priced.bands ? priced : { ...priced, bands };
};

const pricingInOrder = (pricing: PricingTerms): PricingTerms => {
  const ordered = laddersInOrder(pricing);
  const overageBands = bandsInOrder(pricing.overageBands);
  return overageBands === pricing.overageBands ? ordered : { ...ordered, overageBands };
};

const planInOrder = (plan: PlanTerms): PlanTerms => ({
  ...plan,
  pricings: plan.pricings
    .map(pricingInOrder)
    .sort((a, b) => byId(a, b) || (a.piece ?? 0) - (b.piece ?? 0)),
  counterPricings: plan.counterPricings.map(laddersInOrder).sort(byId),
});

const accountPlanInOrder = (accountPlan: AccountPlanTerms): AccountPlanTerms => ({
  ...accountPlan,
  plans: accountPlan.plans.map(planInOrder).sort(byId),
  pool: accountPlan.pool.toSorted((a, b) => byId(a.account, b.account)),
});

const byStart = (a: AccountPlanTerms, b: AccountPlanTerms): number =>
  compareInstants(a.active.start, b.active.start) ||
  byId(a, b) ||
  (a.arrears?.number ?? -1) - (b.arrears?.number ?? -1);

/** The facts with every list in an order of its own, so that a bill never depends on theirs. */
export const inCanonicalOrder = (facts: BillFacts): BillFacts => ({
  ...facts,
  accountPlans: facts.accountPlans.map(accountPlanInOrder).sort(byStart),
  aggregations: facts.aggregations.toSorted(byId),
  commitments: facts.commitments.toSorted(byId),
  balances: facts.balances.toSorted(byId),
  charges: facts.charges.toSorted(byId),
  memos: facts.memos.toSorted(byId),
  corrections: facts.corrections.toSorted((a, b) => byText(a.key, b.key)),
});
