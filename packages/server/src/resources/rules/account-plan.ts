import { account } from "@turnpike/contract/accounts/account.ts";
import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { planGroup } from "@turnpike/contract/catalog/plan-group.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { hold, lock, lookup, lookupAll, lookupReferring } from "../../records/lookup.ts";
import { organizationConfigOf } from "../organization.ts";
import type { Rules, Write } from "../rule.ts";
import { checkContract } from "./contract-link.ts";
import { overlap } from "./periods.ts";
import { attachedPlanIds, termsOfPlans } from "./plan-products.ts";

type AccountPlan = ReturnType<typeof accountPlan.fields.parse>;

type Scope = Pick<Write, "transaction" | "orgId">;

const productsOf = async (scope: Scope, attached: AccountPlan): Promise<Set<string>> => {
  const terms = await termsOfPlans(scope, await attachedPlanIds(scope, attached));
  return new Set(terms.map(({ template }) => template.productId));
};

/**
 * One active plan per product and account, unless the organization allows more; plan groups may overlap when they
 * share no product (m3ter semantics 9.4). `id` is the account plan's own, `field` what is to blame.
 */
export const refuseSecondPlanOfProduct = async (
  scope: Scope,
  { id, next, field = "startDate" }: { id: string; next: AccountPlan; field?: string },
): Promise<void> => {
  const { transaction, orgId } = scope;
  const { allowOverlappingPlans } = await organizationConfigOf(transaction, orgId);
  if (allowOverlappingPlans) return;
  await lock(transaction, { orgId, kind: account.kind, id: next.accountId });
  const on = { orgId, field: "accountId", ids: [next.accountId] };
  const attached = await lookupReferring(transaction, accountPlan, on);
  const products = await productsOf(scope, next);
  for (const rival of attached.filter((other) => other.id !== id && overlap(other, next))) {
    const shared = products.intersection(await productsOf(scope, rival));
    if (shared.size === 0) continue;
    const message = `overlaps account plan ${rival.id}, which has a plan of the same product`;
    throw fieldProblem("RULE_VIOLATED", field, message);
  }
};

/** A custom plan or plan group is one account's own, also in a group (m3ter semantics 9.2, 9.3). */
export const refuseOthersPlan = async (scope: Scope, next: AccountPlan): Promise<void> => {
  const { transaction, orgId } = scope;
  const group = await lookup(transaction, planGroup, { orgId, id: next.planGroupId ?? "" });
  const ids = await attachedPlanIds(scope, next);
  const plans = await lookupAll(transaction, plan, { orgId, ids });
  const others = [group, ...plans.values()].find(
    (one) => one?.accountId !== undefined && one.accountId !== next.accountId,
  );
  if (others === undefined) return;
  const field = next.planId === undefined ? "planGroupId" : "planId";
  const message =
    others === group || next.planId !== undefined
      ? "is custom for another account"
      : `has plan ${others.id}, which is custom for another account`;
  throw fieldProblem("RULE_VIOLATED", field, message);
};

/** What says the products of the plans stays as it is until they are attached. */
const holdTemplates = async (scope: Scope, next: AccountPlan): Promise<void> => {
  const { transaction, orgId } = scope;
  const terms = await termsOfPlans(scope, await attachedPlanIds(scope, next));
  for (const id of terms.map(({ template }) => template.id).sort())
    await hold(transaction, { orgId, kind: planTemplate.kind, id });
};

const attachesOnePlan = async (write: Write) => {
  const next = accountPlan.fields.parse(write.document);
  await holdTemplates(write, next);
  await refuseOthersPlan(write, next);
  await checkContract(write, next);
  await refuseSecondPlanOfProduct(write, { id: write.id, next });
  return write.document;
};

export const accountPlanRules: Rules = { write: attachesOnePlan };
