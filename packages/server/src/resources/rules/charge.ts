import { balance } from "@turnpike/contract/balances/balance.ts";
import { charge } from "@turnpike/contract/billing/charge.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { lookup } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";
import { checkContract } from "./contract-link.ts";

const chargesOneAccount = async (write: Write) => {
  const { transaction, orgId, document } = write;
  const next = charge.fields.parse(document);
  await checkContract(write, next);
  if (next.entityId === undefined) return document;
  const charged = await lookup(transaction, balance, { orgId, id: next.entityId });
  if (charged === undefined || charged.accountId === next.accountId) return document;
  throw fieldProblem("RULE_VIOLATED", "entityId", "is a balance of another account");
};

export const chargeRules: Rules = { write: chargesOneAccount };
