import { sql } from "kysely";
import type { Write } from "../rule.ts";
import { keepFields } from "./kept-fields.ts";

/** Where the ledger counts what falls under a limit, and the fields of the limit that say what that is. */
interface Counting {
  readonly table: "budget_counter" | "concurrency_count";
  readonly limitId: "budget_id" | "concurrency_limit_id";
  readonly fields: readonly string[];
}

/** What is counted would be read as something else by a limit that says otherwise what it counts. */
export const keepsWhatItCounts = (
  write: Write,
  { table, limitId, fields }: Counting,
): Promise<void> => {
  const { transaction, orgId, id } = write;
  const counts = async (): Promise<boolean> => {
    const { rows } = await sql<{ found: boolean }>`
      SELECT EXISTS (
        SELECT FROM ${sql.table(table)} WHERE org_id = ${orgId} AND ${sql.ref(limitId)} = ${id}
      ) AS found
    `.execute(transaction);
    return rows[0]?.found === true;
  };
  const message = "must not change once it counts: make a new one";
  return keepFields(write, fields, { exists: counts, message });
};
