import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { planGroup } from "@turnpike/contract/catalog/plan-group.ts";
import { planGroupLink } from "@turnpike/contract/catalog/plan-group-link.ts";
import { fieldProblem, type Problem } from "@turnpike/contract/problem.ts";
import { lock, lookupReferring } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";
import { refuseSecondPlanOfProduct } from "./account-plan.ts";
import { planIdsOfGroup, termsOfPlans } from "./plan-products.ts";

const refuse = (message: string): Problem => fieldProblem("RULE_VIOLATED", "planId", message);

/** One plan per product, and one cadence for all, so that the group's own fees have one too (m3ter semantics 9.3). */
const suitsTheGroup = async (write: Write) => {
  const { transaction, orgId, document, before } = write;
  const { planGroupId, planId } = planGroupLink.fields.parse(document);
  await lock(transaction, { orgId, kind: planGroup.kind, id: planGroupId });
  const [own] = await termsOfPlans(write, [planId]);
  const others = (await planIdsOfGroup(write, planGroupId)).filter(
    (id) => id !== planId && id !== before?.["planId"],
  );
  for (const { template } of await termsOfPlans(write, others)) {
    if (template.productId === own?.template.productId) {
      throw refuse("is of a product that the group already has a plan of");
    }
    const sameCadence =
      template.billFrequency === own?.template.billFrequency &&
      (template.billFrequencyInterval ?? 1) === (own.template.billFrequencyInterval ?? 1);
    if (!sameCadence) throw refuse("is billed at another frequency than the group's plans");
  }
  return document;
};

/** A group that is attached already must not bring its accounts a second plan of a product. */
export const checkAttachedAccounts = async (write: Write): Promise<void> => {
  const { transaction, orgId, document } = write;
  const { planGroupId, planId } = planGroupLink.fields.parse(document);
  const on = { orgId, field: "planGroupId", ids: [planGroupId] };
  for (const attached of await lookupReferring(transaction, accountPlan, on)) {
    const next = { ...attached, planId, planGroupId: undefined };
    await refuseSecondPlanOfProduct(write, { id: attached.id, next });
  }
};

export const planGroupLinkRules: Rules = {
  write: async (write) => {
    const document = await suitsTheGroup(write);
    await checkAttachedAccounts(write);
    return document;
  },
};
