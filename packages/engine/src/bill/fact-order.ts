import { compareInstants } from "../time/period.ts";
import type { AccountPlanTerms, BillFacts, PlanTerms } from "./facts.ts";

const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : 0;

const planInOrder = (plan: PlanTerms): PlanTerms => ({
  ...plan,
  pricings: plan.pricings.toSorted((a, b) => byId(a, b) || (a.piece ?? 0) - (b.piece ?? 0)),
  counterPricings: plan.counterPricings.toSorted(byId),
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
  commitments: facts.commitments.toSorted(byId),
  balances: facts.balances.toSorted(byId),
  charges: facts.charges.toSorted(byId),
  memos: facts.memos.toSorted(byId),
  corrections: facts.corrections.toSorted((a, b) => byId({ id: a.key }, { id: b.key })),
});
