import { plan } from "@turnpike/contract/catalog/plan.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Rules, Write } from "../rule.ts";

/** A bespoke plan belongs to one account, for good (m3ter semantics 9.2). */
const bespokeNamesItsAccount = async ({ document, before }: Write) => {
  const next = plan.fields.parse(document);
  if (next.bespoke === true && next.accountId === undefined) {
    throw fieldProblem("RULE_VIOLATED", "accountId", "is required when bespoke is true");
  }
  if (before === undefined || before["accountId"] === undefined) return document;
  if (before["accountId"] !== next.accountId) {
    throw fieldProblem("RULE_VIOLATED", "accountId", "cannot be changed");
  }
  return document;
};

export const planRules: Rules = { write: bespokeNamesItsAccount };
