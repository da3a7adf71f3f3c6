import { sql } from "kysely";
import { resourceGroup } from "@turnpike/contract/access/resource-group.ts";
import { resourceGroupItem } from "@turnpike/contract/access/resource-group-item.ts";
import type { Reader } from "../ports/database.ts";
import { findRecords, isWithin, type RecordRow } from "../records/records.ts";

interface Membership {
  readonly orgId: string;
  readonly targetId: string;
  /** Whether the groups that hold those groups count as well. */
  readonly isInherited: boolean;
}

/**
 * The ids of the groups that hold an item (m3ter semantics 1.3). `UNION` forgets what it has seen, so that groups that
 * hold each other end the walk.
 */
export const groupIdsHolding = async (
  reader: Reader,
  { orgId, targetId, isInherited }: Membership,
): Promise<Set<string>> => {
  const { rows } = await sql<{ id: string }>`
    WITH RECURSIVE holding (id) AS (
      SELECT parent_id::text FROM record WHERE org_id = ${orgId} AND kind = ${resourceGroupItem.kind}
        AND document->>'targetId' = ${targetId.toLowerCase()} AND document->>'targetType' = 'ITEM'
      UNION
      SELECT parent_id::text FROM record JOIN holding ON document->>'targetId' = holding.id
      WHERE org_id = ${orgId} AND kind = ${resourceGroupItem.kind} AND document->>'targetType' = 'GROUP'
        AND ${isInherited}
    )
    SELECT id FROM holding
  `.execute(reader);
  return new Set(rows.map(({ id }) => id));
};

/** The groups of one type that hold an item, newest first. */
export const groupsHolding = async (
  reader: Reader,
  { type, ...membership }: Membership & { type: string },
): Promise<RecordRow[]> => {
  const ids = await groupIdsHolding(reader, membership);
  const { orgId } = membership;
  const rows = await findRecords(reader, { orgId, kind: resourceGroup.kind, ids });
  return rows
    .filter((row) => isWithin(row, { type }))
    .sort((a, b) => b.dt_created.getTime() - a.dt_created.getTime() || (a.id < b.id ? 1 : -1));
};
