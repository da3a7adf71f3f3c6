import type { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { planGroupLink } from "@turnpike/contract/catalog/plan-group-link.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Reader } from "../ports/database.ts";
import { lookupAll, lookupReferring } from "./lookup.ts";

type AccountPlanRecord = Stored<typeof accountPlan>;

export interface AttachedPlan {
  readonly plan: Stored<typeof plan>;
  readonly template: Stored<typeof planTemplate>;
}

/** The ids of the plans of an account plan: its own, or the members of its group (m3ter semantics 9.3). */
export const loadAttachedPlanIds = async (
  reader: Reader,
  orgId: string,
  attachments: readonly AccountPlanRecord[],
): Promise<(attachment: AccountPlanRecord) => readonly string[]> => {
  const links = await lookupReferring(reader, planGroupLink, {
    orgId,
    field: "planGroupId",
    ids: [...new Set(attachments.flatMap(({ planGroupId }) => planGroupId ?? []))],
  });
  const members = Map.groupBy(links, ({ planGroupId }) => planGroupId);
  return ({ planId, planGroupId }) =>
    planId === undefined
      ? (members.get(planGroupId ?? "") ?? []).map((link) => link.planId)
      : [planId];
};

/** The same plans, with their templates. */
export const loadAttachedPlans = async (
  reader: Reader,
  orgId: string,
  attachments: readonly AccountPlanRecord[],
): Promise<(attachment: AccountPlanRecord) => readonly AttachedPlan[]> => {
  const planIdsOf = await loadAttachedPlanIds(reader, orgId, attachments);
  const plans = await lookupAll(reader, plan, { orgId, ids: attachments.flatMap(planIdsOf) });
  const templates = await lookupAll(reader, planTemplate, {
    orgId,
    ids: [...plans.values()].map(({ planTemplateId }) => planTemplateId),
  });
  return (attachment) =>
    planIdsOf(attachment).flatMap((id) => {
      const own = plans.get(id);
      const template = templates.get(own?.planTemplateId ?? "");
      return own === undefined || template === undefined ? [] : [{ plan: own, template }];
    });
};
