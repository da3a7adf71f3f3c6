import { sql } from "kysely";
import type { Database } from "../ports/database.ts";

/**
 * The resource groups that hold an item, directly or as a member of a member. `UNION` forgets what it has seen,
 * so that groups that hold each other end the walk.
 */
export const groupsHolding = async (
  database: Database,
  orgId: string,
  id: string,
): Promise<Set<string>> => {
  const { rows } = await sql<{ id: string }>`
    WITH RECURSIVE holding (id) AS (
      SELECT document->>'resourceGroupId' FROM record
      WHERE org_id = ${orgId} AND kind = 'resourceGroupItem'
        AND document->>'targetId' = ${id} AND document->>'targetType' = 'ITEM'
      UNION
      SELECT document->>'resourceGroupId' FROM record JOIN holding
        ON document->>'targetId' = holding.id
      WHERE org_id = ${orgId} AND kind = 'resourceGroupItem' AND document->>'targetType' = 'GROUP'
    )
    SELECT lower(id) AS id FROM holding
  `.execute(database);
  return new Set(rows.map((row) => row.id));
};
