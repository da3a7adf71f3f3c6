import { account } from "@turnpike/contract/accounts/account.ts";
import { fieldProblem, type Problem } from "@turnpike/contract/problem.ts";
import { lock, lookup, lookupReferring } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";

/** m3ter semantics 2.9. */
const childrenMax = 999;

const refuse = (message: string): Problem =>
  fieldProblem("RULE_VIOLATED", "parentAccountId", message);

/** Hierarchies have one level (m3ter semantics 14.2). */
const staysOneLevelDeep = async ({ transaction, orgId, id, document }: Write) => {
  const { parentAccountId } = account.fields.parse(document);
  if (parentAccountId === undefined) return document;
  if (parentAccountId === id) throw refuse("must be another account");
  await lock(transaction, { orgId, kind: account.kind, id: parentAccountId });
  const parent = await lookup(transaction, account, { orgId, id: parentAccountId });
  if (parent?.parentAccountId !== undefined) throw refuse("must not itself have a parent");
  const childrenOf = (parentId: string) =>
    lookupReferring(transaction, account, { orgId, field: "parentAccountId", ids: [parentId] });
  if ((await childrenOf(id)).length > 0) throw refuse("must be absent: the account has children");
  const siblings = (await childrenOf(parentAccountId)).filter((child) => child.id !== id);
  if (siblings.length >= childrenMax) throw refuse(`already has ${childrenMax} children`);
  return document;
};

export const accountRules: Rules = { write: staysOneLevelDeep };
