import { planGroup } from "@turnpike/contract/catalog/plan-group.ts";
import type { Rules } from "../rule.ts";
import { keepsItsAccount } from "./plan.ts";

export const planGroupRules: Rules = {
  write: async ({ document, before }) => {
    keepsItsAccount(planGroup.fields.parse(document), before);
    return document;
  },
};
