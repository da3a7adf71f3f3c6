import { contract } from "@turnpike/contract/accounts/contract.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { lookup } from "../../records/lookup.ts";
import type { Write } from "../rule.ts";

/** What belongs to a contract belongs to the contract's account (m3ter semantics 14.3). */
export const checkContract = async (
  { transaction, orgId }: Write,
  { accountId, contractId }: { accountId: string; contractId?: string | undefined },
): Promise<void> => {
  if (contractId === undefined) return;
  const linked = await lookup(transaction, contract, { orgId, id: contractId });
  if (linked === undefined || linked.accountId === accountId) return;
  throw fieldProblem("RULE_VIOLATED", "contractId", "is a contract of another account");
};

/** What others belong to stays its account's: their account is the same one (m3ter semantics 14.3, 17). */
export const keepsItsAccountInUse = async (
  { transaction, orgId, id, before }: Write,
  { kind, accountId }: { kind: string; accountId: string },
): Promise<void> => {
  if (before === undefined || before["accountId"] === accountId) return;
  const user = await transaction
    .selectFrom("reference")
    .select(["from_kind", "from_id"])
    .where("org_id", "=", orgId)
    .where("to_kind", "=", kind)
    .where("to_id", "=", id)
    .limit(1)
    .executeTakeFirst();
  if (user === undefined) return;
  const message = `cannot be changed: ${user.from_kind} ${user.from_id} of the account is linked`;
  throw fieldProblem("RULE_VIOLATED", "accountId", message);
};
