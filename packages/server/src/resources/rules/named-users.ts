import { sql } from "kysely";
import type { Write } from "../rule.ts";

/** A field, by its path, that names records by their code. */
interface Naming {
  readonly kind: string;
  readonly path: string;
}

/** The record that names the code in one of the fields, which no reference holds; undefined when none does. */
export const userOfCode = async (
  { transaction, orgId }: Pick<Write, "transaction" | "orgId">,
  code: string,
  namings: readonly Naming[],
): Promise<string | undefined> => {
  const names = namings.map(
    ({ kind, path }) => sql`(kind = ${kind} AND document #>> ${path.split(".")}::text[] = ${code})`,
  );
  const { rows } = await sql<{ kind: string; id: string }>`
    SELECT kind, id FROM record WHERE org_id = ${orgId} AND (${sql.join(names, sql` OR `)}) LIMIT 1
  `.execute(transaction);
  return rows[0] && `${rows[0].kind} ${rows[0].id}`;
};
