import { currency } from "@turnpike/contract/accounts/currency.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { sql } from "kysely";
import type { Document } from "../../ports/database.ts";
import type { Rules, Write } from "../rule.ts";
import { organizationConfigOf } from "../organization.ts";

/** Every organization has US dollars (m3ter semantics 18.9). */
export const defaultCurrency = "USD";

type Scope = Pick<Write, "transaction" | "orgId">;

/** What names the currency: an account, a plan template, a balance…, or a rate of conversion; undefined when nothing does. */
const userOf = async ({ transaction, orgId }: Scope, code: string): Promise<string | undefined> => {
  const { currencyConversions = [] } = await organizationConfigOf(transaction, orgId);
  if (currencyConversions.some(({ from, to }) => [from, to].includes(code)))
    return "a currencyConversion of the organization";
  const { rows } = await sql<{ kind: string; id: string }>`
    SELECT kind, id FROM record WHERE org_id = ${orgId} AND document->>'currency' = ${code} LIMIT 1
  `.execute(transaction);
  return rows[0] && `${rows[0].kind} ${rows[0].id}`;
};

/** How amounts are rounded does not go away under them; an archived currency stays where it is used (m3ter semantics 2.6). */
const staysWhileUsed = async (
  scope: Scope,
  { code }: Document,
  field: "code" | "id",
): Promise<void> => {
  if (typeof code !== "string") return;
  if (code === defaultCurrency)
    throw fieldProblem("RULE_VIOLATED", field, `is ${defaultCurrency}, which must stay`);
  const user = await userOf(scope, code);
  if (user !== undefined)
    throw fieldProblem("RECORD_IN_USE", field, `is the currency of ${user}: ${code}`);
};

export const currencyRules: Rules = {
  write: async (write) => {
    const { document, before } = write;
    const { code } = currency.fields.parse(document);
    if (before !== undefined && before["code"] !== code)
      await staysWhileUsed(write, before, "code");
    return document;
  },
  remove: (write) => staysWhileUsed(write, write.document, "id"),
};
