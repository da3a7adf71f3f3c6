import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { planGroup } from "@turnpike/contract/catalog/plan-group.ts";
import { planGroupLink } from "@turnpike/contract/catalog/plan-group-link.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { hold, lock, lookupReferring } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";
import { refuseOthersPlan, refuseSecondPlanOfProduct } from "./account-plan.ts";
import { clashOf, planIdsOfGroup, templateOfPlan, termsOfPlans } from "./plan-products.ts";

const clashes = {
  product: "is of a product that the group already has a plan of",
  cadence: "is billed at another frequency than the group's plans",
} as const;

/** The plan's template stays as it is until the plan is in the group. */
const suitsTheGroup = async (write: Write): Promise<void> => {
  const { transaction, orgId, document, before } = write;
  const { planGroupId, planId } = planGroupLink.fields.parse(document);
  const templateId = await templateOfPlan(write, planId);
  await hold(transaction, { orgId, kind: planTemplate.kind, id: templateId });
  await lock(transaction, { orgId, kind: planGroup.kind, id: planGroupId });
  const [own] = await termsOfPlans(write, [planId]);
  const others = (await planIdsOfGroup(write, planGroupId)).filter(
    (id) => id !== planId && id !== before?.["planId"],
  );
  for (const other of await termsOfPlans(write, others)) {
    const clash = own && clashOf(own, other);
    if (clash !== undefined) throw fieldProblem("RULE_VIOLATED", "planId", clashes[clash]);
  }
};

/** A group that is attached already must not bring its accounts a second plan of a product, nor another account's plan. */
const checkAttachedAccounts = async (write: Write): Promise<void> => {
  const { transaction, orgId, document } = write;
  const { planGroupId, planId } = planGroupLink.fields.parse(document);
  const on = { orgId, field: "planGroupId", ids: [planGroupId] };
  for (const attached of await lookupReferring(transaction, accountPlan, on)) {
    const next = { ...attached, planId, planGroupId: undefined };
    await refuseOthersPlan(write, next);
    await refuseSecondPlanOfProduct(write, { id: attached.id, next });
  }
};

export const planGroupLinkRules: Rules = {
  write: async (write) => {
    await suitsTheGroup(write);
    await checkAttachedAccounts(write);
    return write.document;
  },
};
