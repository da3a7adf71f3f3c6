import { sql } from "kysely";
import type { DatabaseTransaction } from "../ports/database.ts";

/**
 * Holds accounts and their families, which share plans and credits, against everybody who calculates or changes bills
 * of them. In the order of ids, so that two take turns and never wait in a circle.
 */
export const lockFamilies = async (
  transaction: DatabaseTransaction,
  orgId: string,
  accountIds: readonly string[],
): Promise<void> => {
  await sql`
    WITH parents AS (
      SELECT to_id AS id FROM reference WHERE org_id = ${orgId} AND from_kind = 'account'
        AND field = 'parentAccountId' AND from_id = ANY(${accountIds}::uuid[])
    ),
    children AS (
      SELECT from_id AS id FROM reference WHERE org_id = ${orgId} AND from_kind = 'account'
        AND field = 'parentAccountId'
        AND (to_id = ANY(${accountIds}::uuid[]) OR to_id IN (SELECT id FROM parents))
    )
    SELECT FROM record WHERE org_id = ${orgId} AND kind = 'account' AND id IN (
      SELECT unnest(${accountIds}::uuid[]) UNION SELECT id FROM parents UNION SELECT id FROM children
    )
    ORDER BY id FOR NO KEY UPDATE
  `.execute(transaction);
};
