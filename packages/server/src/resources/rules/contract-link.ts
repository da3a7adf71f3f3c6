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
