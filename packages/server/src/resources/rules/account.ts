import { account } from "@turnpike/contract/accounts/account.ts";
import { autoTopUp } from "@turnpike/contract/authorization/auto-top-up.ts";
import { budget } from "@turnpike/contract/authorization/budget.ts";
import { concurrencyLimit } from "@turnpike/contract/authorization/concurrency-limit.ts";
import { rateLimit } from "@turnpike/contract/authorization/rate-limit.ts";
import { fieldProblem, type Problem } from "@turnpike/contract/problem.ts";
import { sql } from "kysely";
import type { Document } from "../../ports/database.ts";
import { lock, lookup, lookupReferring } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";
import { keepFields } from "./kept-fields.ts";
import { userOfCode } from "./named-users.ts";

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

type Scope = Pick<Write, "transaction" | "orgId">;

/**
 * What an account holds, what it used and what it may do is kept by its code: another account of that code would have
 * it. The ledger knows an account once it has its row, for which it takes the record's lock (`authorization/batch.ts`).
 */
const isInLedger = async ({ transaction, orgId }: Scope, { code }: Document): Promise<boolean> => {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT FROM ledger_account WHERE org_id = ${orgId} AND account = ${code}) AS found
  `.execute(transaction);
  return rows[0]?.found === true;
};

/** What would be asked of, or allowed to, the next account of the code: money of the card that is there, above all. */
const namings = [
  { kind: autoTopUp.kind, path: "account" },
  { kind: budget.kind, path: "scope.account" },
  { kind: rateLimit.kind, path: "scope.account" },
  { kind: concurrencyLimit.kind, path: "scope.account" },
];

const userOf = (scope: Scope, document: Document): Promise<string | undefined> =>
  userOfCode(scope, account.fields.parse(document).code, namings);

const keepsNamedCode = async (write: Write): Promise<void> => {
  const { before = {} } = write;
  await keepFields(write, ["code"], {
    exists: () => isInLedger(write, before),
    message: "must not change: the ledger knows the account by it",
  });
  await keepFields(write, ["code"], {
    exists: async () => (await userOf(write, before)) !== undefined,
    message: "must not change: limits or automatic top-ups name the account by it",
  });
};

const staysWhileNamed = async (scope: Scope, document: Document): Promise<void> => {
  if (await isInLedger(scope, document))
    throw fieldProblem("RECORD_IN_USE", "code", "is known to the ledger");
  const user = await userOf(scope, document);
  if (user !== undefined) throw fieldProblem("RECORD_IN_USE", "code", `is named by ${user}`);
};

export const accountRules: Rules = {
  write: async (write) => {
    await keepsNamedCode(write);
    return staysOneLevelDeep(write);
  },
  remove: (write) => staysWhileNamed(write, write.document),
};
