import { plan } from "@turnpike/contract/catalog/plan.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Document } from "../../ports/database.ts";
import type { Rules, Write } from "../rule.ts";

/** A custom plan or plan group belongs to one account, for good (m3ter semantics 9.2). */
export const keepsItsAccount = (
  next: { accountId?: string | undefined },
  before: Document | undefined,
): void => {
  if (before?.["accountId"] === undefined || before["accountId"] === next.accountId) return;
  throw fieldProblem("RULE_VIOLATED", "accountId", "cannot be changed");
};

const bespokeNamesItsAccount = async ({ document, before }: Write) => {
  const next = plan.fields.parse(document);
  if (next.bespoke === true && next.accountId === undefined) {
    throw fieldProblem("RULE_VIOLATED", "accountId", "is required when bespoke is true");
  }
  keepsItsAccount(next, before);
  return document;
};

export const planRules: Rules = { write: bespokeNamesItsAccount };
