import { plan } from "@turnpike/contract/catalog/plan.ts";
import { planGroupLink } from "@turnpike/contract/catalog/plan-group-link.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import { lookup, lookupAll, lookupReferring } from "../../records/lookup.ts";

export interface PlanTerms {
  readonly planId: string;
  readonly template: Stored<typeof planTemplate>;
}

interface Scope {
  readonly transaction: DatabaseTransaction;
  readonly orgId: string;
}

/** Each plan with the template that says its product and cadence. */
export const termsOfPlans = async (
  { transaction, orgId }: Scope,
  planIds: Iterable<string>,
): Promise<PlanTerms[]> => {
  const plans = [...(await lookupAll(transaction, plan, { orgId, ids: planIds })).values()];
  const templateIds = plans.map(({ planTemplateId }) => planTemplateId);
  const templates = await lookupAll(transaction, planTemplate, { orgId, ids: templateIds });
  return plans.flatMap(({ id, planTemplateId }) => {
    const template = templates.get(planTemplateId);
    return template === undefined ? [] : [{ planId: id, template }];
  });
};

/**
 * Why two plans cannot stand in one group: it has one plan per product, and one cadence for all, so that its own fees have
 * one too (m3ter semantics 9.3).
 */
export const clashOf = (one: PlanTerms, other: PlanTerms): "product" | "cadence" | undefined => {
  const [a, b] = [one.template, other.template];
  if (a.productId === b.productId) return "product";
  const isSameCadence =
    a.billFrequency === b.billFrequency &&
    (a.billFrequencyInterval ?? 1) === (b.billFrequencyInterval ?? 1);
  return isSameCadence ? undefined : "cadence";
};

/** Empty when there is no such plan. */
export const templateOfPlan = async ({ transaction, orgId }: Scope, id: string): Promise<string> =>
  (await lookup(transaction, plan, { orgId, id }))?.planTemplateId ?? "";

/** The plans of a group. */
export const planIdsOfGroup = async (
  { transaction, orgId }: Scope,
  planGroupId: string,
): Promise<string[]> => {
  const on = { orgId, field: "planGroupId", ids: [planGroupId] };
  return (await lookupReferring(transaction, planGroupLink, on)).map(({ planId }) => planId);
};

/** What an account plan attaches: its plan, or every plan of its group. */
export const attachedPlanIds = async (
  scope: Scope,
  attached: { planId?: string | undefined; planGroupId?: string | undefined },
): Promise<string[]> => {
  if (attached.planId !== undefined) return [attached.planId];
  return attached.planGroupId === undefined ? [] : planIdsOfGroup(scope, attached.planGroupId);
};
