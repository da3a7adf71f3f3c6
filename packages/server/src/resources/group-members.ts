import { sql } from "kysely";
import { resourceGroup } from "@turnpike/contract/access/resource-group.ts";
import { resourceGroupItem } from "@turnpike/contract/access/resource-group-item.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import type { RecordRow } from "../records/records.ts";

interface Membership {
  readonly orgId: string;
  /** Of the groups. */
  readonly type: string;
  readonly targetId: string;
  /** Whether the groups that hold those groups count as well. */
  readonly isInherited: boolean;
}

/** The groups that hold an item, newest first (m3ter semantics 1.3). */
export const groupsHolding = async (
  reader: Database | DatabaseTransaction,
  { orgId, type, targetId, isInherited }: Membership,
): Promise<RecordRow[]> => {
  const { rows } = await sql<RecordRow>`
    WITH RECURSIVE member AS (
      SELECT parent_id, document->>'targetType' AS target_type, document->>'targetId' AS target_id
      FROM record WHERE org_id = ${orgId} AND kind = ${resourceGroupItem.kind}
    ), holding AS (
      SELECT parent_id FROM member WHERE target_type = 'ITEM' AND target_id = ${targetId}
      UNION
      SELECT member.parent_id FROM member JOIN holding
        ON member.target_type = 'GROUP' AND member.target_id = holding.parent_id::text
        WHERE ${isInherited}
    )
    SELECT record.* FROM record WHERE record.org_id = ${orgId}
      AND record.kind = ${resourceGroup.kind} AND record.document->>'type' = ${type}
      AND record.id IN (SELECT parent_id FROM holding)
    ORDER BY record.dt_created DESC, record.id DESC
  `.execute(reader);
  return rows;
};
