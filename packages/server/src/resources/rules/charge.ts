import { balance } from "@turnpike/contract/balances/balance.ts";
import { charge } from "@turnpike/contract/billing/charge.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Document } from "../../ports/database.ts";
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

/** What was billed changes only with its bill ([R], m3ter semantics 17). */
const keepLocked = async (
  { transaction, orgId }: Pick<Write, "transaction" | "orgId">,
  charged: Document | undefined,
): Promise<void> => {
  const { billId } = charged ?? {};
  if (typeof billId !== "string") return;
  const bill = await transaction
    .selectFrom("bill")
    .select("is_locked")
    .where("org_id", "=", orgId)
    .where("id", "=", billId)
    .executeTakeFirst();
  if (bill?.is_locked === true) throw new Problem("BILL_LOCKED");
};

export const chargeRules: Rules = {
  write: async (write) => {
    await keepLocked(write, write.before);
    return chargesOneAccount(write);
  },
  remove: (write) => keepLocked(write, write.document),
};
