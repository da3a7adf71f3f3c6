import { plan } from "@turnpike/contract/catalog/plan.ts";
import { planGroupLink } from "@turnpike/contract/catalog/plan-group-link.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import { lookupAll, lookupReferring } from "../../records/lookup.ts";

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
