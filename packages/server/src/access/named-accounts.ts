import { sql } from "kysely";
import type { Naming } from "@turnpike/contract/access/permission.ts";
import { account } from "@turnpike/contract/accounts/account.ts";
import type { Database } from "../ports/database.ts";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The texts of a field in the request; one that is left out names nothing. */
const textsAt = (value: unknown, path: readonly string[]): string[] => {
  const [name, ...rest] = path;
  if (Array.isArray(value)) return value.flatMap((one: unknown) => textsAt(one, path));
  if (name !== undefined) return isObject(value) ? textsAt(value[name], rest) : [];
  return typeof value === "string" ? [value] : [];
};

/** A part of a hold, and what takes the place of one, is named after the hold. */
const holdOf = (uid: string): string => uid.split("#")[0] ?? "";

const codesBy: Readonly<
  Record<Exclude<Naming["by"], "account id">, (orgId: string, texts: readonly string[]) => unknown>
> = {
  "account code": (_orgId, codes) => sql`SELECT unnest(${codes}::text[])`,
  authorization: (orgId, uids) => sql`SELECT account FROM ledger_authorization
    WHERE org_id = ${orgId} AND id = ANY(${uids.flatMap((uid) => [uid, holdOf(uid)])}::text[])`,
  grant: (orgId, ids) =>
    sql`SELECT account FROM ledger_grant WHERE org_id = ${orgId} AND id = ANY(${ids}::text[])`,
  "top-up": (orgId, ids) =>
    sql`SELECT account FROM top_up WHERE org_id = ${orgId} AND id = ANY(${ids}::text[])`,
};

/** The ids of the accounts that a request names, itself or by what is theirs. */
export const accountsNamed = async (
  database: Database,
  orgId: string,
  {
    names: { by, field },
    request,
  }: { readonly names: Naming; readonly request: Readonly<Record<string, unknown>> },
): Promise<string[]> => {
  const texts = textsAt(request, field.split("."));
  if (by === "account id" || texts.length === 0) return texts;
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM unique_value WHERE org_id = ${orgId} AND kind = ${account.kind} AND field = 'code'
      AND value IN (${codesBy[by](orgId, texts)})
  `.execute(database);
  return rows.map(({ id }) => id);
};
