import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { planGroup } from "@turnpike/contract/catalog/plan-group.ts";
import { lookupReferring } from "../../records/lookup.ts";
import type { Rules } from "../rule.ts";
import { keepsItsAccount, refuseOthersAttached } from "./custom-plan.ts";

export const planGroupRules: Rules = {
  write: async ({ transaction, orgId, id, document, before }) => {
    const next = planGroup.fields.parse(document);
    keepsItsAccount(next, before);
    if (before === undefined || before["accountId"] === next.accountId) return document;
    const on = { orgId, field: "planGroupId", ids: [id] };
    refuseOthersAttached(next, await lookupReferring(transaction, accountPlan, on));
    return document;
  },
};
