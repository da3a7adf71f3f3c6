import { isBefore } from "../time/period.ts";
import type {
  AccountPlanTerms,
  BillTerms,
  MinimumSpendTerms,
  PlanGroupTerms,
  PlanTerms,
  ProductRef,
  StandingChargeTerms,
} from "./facts.ts";
import { childAccount } from "./line-labels.ts";

/** What a plan and a plan group have in common: a currency and recurring amounts. */
export interface PlanOrGroup {
  readonly id: string;
  readonly name: string;
  readonly currency: string;
  /** Absent for a group, which spans products. */
  readonly product?: ProductRef | undefined;
  readonly standingCharge?: StandingChargeTerms | undefined;
  readonly minimumSpend?: MinimumSpendTerms | undefined;
  readonly kind: "plan" | "planGroup";
}

export const planOwner = (plan: PlanTerms): PlanOrGroup => ({
  id: plan.id,
  name: plan.name,
  currency: plan.currency,
  product: plan.product,
  standingCharge: plan.standingCharge,
  minimumSpend: plan.minimumSpend,
  kind: "plan",
});

export const groupOwner = (group: PlanGroupTerms): PlanOrGroup => ({
  ...group,
  kind: "planGroup",
});

/** The plans of an account plan, then the group that holds them. */
export const plansAndGroup = ({ plans, planGroup }: AccountPlanTerms): readonly PlanOrGroup[] => {
  const owners = plans.map(planOwner);
  return planGroup === undefined ? owners : [...owners, groupOwner(planGroup)];
};

/**
 * Whether recurring amounts of the account plan stand on this bill. A parent's plan that bills children
 * themselves (CHILD) is in a child's facts only for the child's share of the usage.
 */
export const billsRecurringTo = (terms: BillTerms, accountPlan: AccountPlanTerms): boolean =>
  accountPlan.account.id === terms.account.id || accountPlan.childBillingMode !== "CHILD";

/** Whether the plan ends in the period that the bill closes, or with it: it is the plan's last bill. */
export const isLastBill = ({ arrears, active }: AccountPlanTerms): boolean => {
  if (arrears === undefined || active.end === undefined) return false;
  return isBefore(arrears.start, active.end) && !isBefore(arrears.end, active.end);
};

/** What a line that a plan or group charges says about its origin. */
export const ownerLabels = (
  terms: BillTerms,
  accountPlan: AccountPlanTerms,
  owner: PlanOrGroup,
) => ({
  unit: "",
  currency: owner.currency,
  product: owner.product,
  childAccount: childAccount(terms, accountPlan.account),
  accountPlanId: accountPlan.id,
  planId: owner.kind === "plan" ? owner.id : undefined,
  planGroupId: owner.kind === "planGroup" ? owner.id : accountPlan.planGroup?.id,
  contractId: accountPlan.contractId,
});
