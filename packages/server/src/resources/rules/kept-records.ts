import { sql } from "kysely";
import type { Write } from "../rule.ts";

/**
 * Whether authorizations or grants name the record, each of which is kept with what it said. The ledger takes the record's
 * lock when it names it first (`authorization/kept-records.ts`).
 */
export const isNamedByLedger = async (
  { transaction, orgId }: Pick<Write, "transaction" | "orgId">,
  { kind, id }: { readonly kind: string; readonly id: string },
): Promise<boolean> => {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT FROM ledger_record WHERE org_id = ${orgId} AND kind = ${kind} AND id = ${id}) AS found
  `.execute(transaction);
  return rows[0]?.found === true;
};
