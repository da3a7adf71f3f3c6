import { isDeepStrictEqual } from "node:util";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { sql } from "kysely";
import type { Write } from "../rule.ts";

/** Where the ledger counts what falls under a limit, and the fields of the limit that say what that is. */
interface Counting {
  readonly table: "budget_counter" | "concurrency_count";
  readonly limitId: "budget_id" | "concurrency_limit_id";
  readonly fields: readonly string[];
}

/** What is counted would be read as something else by a limit that says otherwise what it counts. */
export const keepsWhatItCounts = async (
  { transaction, orgId, id, document, before }: Write,
  { table, limitId, fields }: Counting,
): Promise<void> => {
  if (before === undefined) return;
  const changed = fields.find((field) => !isDeepStrictEqual(document[field], before[field]));
  if (changed === undefined) return;
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (
      SELECT FROM ${sql.table(table)} WHERE org_id = ${orgId} AND ${sql.ref(limitId)} = ${id}
    ) AS found
  `.execute(transaction);
  if (rows[0]?.found === true)
    throw fieldProblem("RULE_VIOLATED", changed, "must not change once it counts: make a new one");
};
