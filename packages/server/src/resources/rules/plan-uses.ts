import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { planGroup } from "@turnpike/contract/catalog/plan-group.ts";
import { planGroupLink } from "@turnpike/contract/catalog/plan-group-link.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { lock, lookupReferring } from "../../records/lookup.ts";
import type { Write } from "../rule.ts";
import { refuseSecondPlanOfProduct } from "./account-plan.ts";
import { clashOf, planIdsOfGroup, termsOfPlans } from "./plan-products.ts";

type Scope = Pick<Write, "transaction" | "orgId">;

/** Plans whose template, or its product or cadence, was changed, and the fields that did it. */
interface ChangedPlans {
  readonly planIds: readonly string[];
  readonly fields: { readonly product: string; readonly cadence: string };
}

const groupIdsOf = async (
  { transaction, orgId }: Scope,
  planIds: readonly string[],
): Promise<string[]> => {
  const on = { orgId, field: "planId", ids: planIds };
  const links = await lookupReferring(transaction, planGroupLink, on);
  return [...new Set(links.map(({ planGroupId }) => planGroupId))].sort();
};

const sentences = {
  product: (other: string) => `must not be the product of ${other}`,
  cadence: (other: string) => `must be that of ${other}`,
} as const;

/** Every group of the plans still has one plan per product and one cadence. */
const keepsGroups = async (scope: Scope, { planIds, fields }: ChangedPlans): Promise<void> => {
  const { transaction, orgId } = scope;
  for (const groupId of await groupIdsOf(scope, planIds)) {
    await lock(transaction, { orgId, kind: planGroup.kind, id: groupId });
    const terms = await termsOfPlans(scope, await planIdsOfGroup(scope, groupId));
    for (const own of terms.filter(({ planId }) => planIds.includes(planId))) {
      const other = terms.find((one) => one !== own && clashOf(own, one) !== undefined);
      const clash = other && clashOf(own, other);
      if (clash === undefined) continue;
      const message = sentences[clash](`plan ${other?.planId} in planGroup ${groupId}`);
      throw fieldProblem("RULE_VIOLATED", fields[clash], message);
    }
  }
};

/** Account plans that attach one of the plans, by itself or with a group. */
export const attachmentsOf = async (
  scope: Scope,
  planIds: readonly string[],
): Promise<Stored<typeof accountPlan>[]> => {
  const { transaction, orgId } = scope;
  const byPlan = { orgId, field: "planId", ids: planIds };
  const byGroup = { orgId, field: "planGroupId", ids: await groupIdsOf(scope, planIds) };
  return [
    ...(await lookupReferring(transaction, accountPlan, byPlan)),
    ...(await lookupReferring(transaction, accountPlan, byGroup)),
  ];
};

/** The other plans of the products that the plans have now. */
const plansOfSameProducts = async (scope: Scope, planIds: readonly string[]): Promise<string[]> => {
  const { transaction, orgId } = scope;
  const terms = await termsOfPlans(scope, planIds);
  const productIds = [...new Set(terms.map(({ template }) => template.productId))];
  const templates = await lookupReferring(transaction, planTemplate, {
    orgId,
    field: "productId",
    ids: productIds,
  });
  const ids = templates.map(({ id }) => id);
  const plans = await lookupReferring(transaction, plan, { orgId, field: "planTemplateId", ids });
  return plans.map(({ id }) => id).filter((id) => !planIds.includes(id));
};

/**
 * No account is left with two plans of a product at a time. Only accounts that have another plan of the product are asked
 * about, one after the other in the order of their ids: of all that a plan is attached to, these are few.
 */
const keepsAccounts = async (scope: Scope, { planIds, fields }: ChangedPlans): Promise<void> => {
  const others = await attachmentsOf(scope, await plansOfSameProducts(scope, planIds));
  const accounts = new Set(others.map(({ accountId }) => accountId));
  const doubtful = (await attachmentsOf(scope, planIds))
    .filter(({ accountId }) => accounts.has(accountId))
    .sort((a, b) => (a.accountId < b.accountId ? -1 : 1));
  for (const next of doubtful)
    await refuseSecondPlanOfProduct(scope, { id: next.id, next, field: fields.product });
};

/** Refuses a change, already written, that the groups and accounts of the plans could not have been made with. */
export const keepsUsesOfPlans = async (scope: Scope, changed: ChangedPlans): Promise<void> => {
  await keepsGroups(scope, changed);
  await keepsAccounts(scope, changed);
};
