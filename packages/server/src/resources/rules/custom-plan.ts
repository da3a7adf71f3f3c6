import type { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Document } from "../../ports/database.ts";

interface MaybeCustom {
  readonly accountId?: string | undefined;
}

/** A custom plan or plan group belongs to one account, for good (m3ter semantics 9.2). */
export const keepsItsAccount = (next: MaybeCustom, before: Document | undefined): void => {
  if (before?.["accountId"] === undefined || before["accountId"] === next.accountId) return;
  throw fieldProblem("RULE_VIOLATED", "accountId", "cannot be changed");
};

/** What becomes custom for an account is attached to no other. */
export const refuseOthersAttached = (
  { accountId }: MaybeCustom,
  attached: readonly Stored<typeof accountPlan>[],
): void => {
  if (accountId === undefined) return;
  const other = attached.find((one) => one.accountId !== accountId);
  if (other === undefined) return;
  const message = `is not that of accountPlan ${other.id}, which attaches it`;
  throw fieldProblem("RULE_VIOLATED", "accountId", message);
};
