import { orgUser } from "@turnpike/contract/access/org-user.ts";
import { resourceGroup } from "@turnpike/contract/access/resource-group.ts";
import { resourceGroupItem } from "@turnpike/contract/access/resource-group-item.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import { decodePosition, pageOf } from "../records/paging.ts";
import { findRecord, isWithin, type RecordRow } from "../records/records.ts";
import { groupsHolding } from "../resources/group-members.ts";
import type { Writer } from "../resources/writer.ts";
import type { Handlers, World } from "./handler.ts";

type Params = Readonly<Record<string, string>>;

/** The group in the path, which must be of the path's type. */
const groupInPath = async (
  reader: World["database"] | Writer["transaction"],
  orgId: string,
  { type = "", resourceGroupId = "" }: Params,
): Promise<RecordRow> => {
  const key = { orgId, kind: resourceGroup.kind, id: resourceGroupId };
  const row = await findRecord(reader, key);
  if (row === undefined || !isWithin(row, { type })) throw new Problem("NOT_FOUND");
  return row;
};

export const addToResourceGroup: Handlers["addToResourceGroup"] = (
  { orgId, principal, params, body },
  { catalog },
) =>
  catalog.change({ orgId, principal }, async (writer) => {
    const group = await groupInPath(writer.transaction, orgId, params);
    await writer.create(resourceGroupItem, { ...body, resourceGroupId: group.id });
    const [reply] = await catalog.replies(writer.transaction, resourceGroup, [group]);
    return reply;
  });

export const removeFromResourceGroup: Handlers["removeFromResourceGroup"] = (
  { orgId, principal, params, body },
  { catalog },
) =>
  catalog.change({ orgId, principal }, async (writer) => {
    const group = await groupInPath(writer.transaction, orgId, params);
    const member = await writer.transaction
      .selectFrom("unique_value")
      .select("id")
      .where("org_id", "=", orgId)
      .where("kind", "=", resourceGroupItem.kind)
      .where("field", "=", "resourceGroupId, targetType, targetId")
      .where("value", "=", `${group.id} ${body.targetType} ${body.targetId}`)
      .executeTakeFirst();
    if (member === undefined) throw new Problem("NOT_FOUND");
    await writer.remove(resourceGroupItem, { id: member.id });
    const [reply] = await catalog.replies(writer.transaction, resourceGroup, [group]);
    return reply;
  });

export const listResourceGroupContents: Handlers["listResourceGroupContents"] = async (
  { orgId, principal, params, query },
  { catalog, database },
) => {
  const group = await groupInPath(database, orgId, params);
  const scope = { resourceGroupId: group.id };
  const place = { resource: resourceGroupItem, caller: { orgId, principal }, scope };
  const { pageSize, nextToken } = query;
  const given = { pageSize: String(pageSize), ...(nextToken === undefined ? {} : { nextToken }) };
  return catalog.list(place, given);
};

/** A user group is a resource group of type user (m3ter semantics 1.3). */
export const listGroupsOfOrgUser: Handlers["listGroupsOfOrgUser"] = async (
  { orgId, params, query },
  { catalog, database },
) => {
  const id = params["id"] ?? "";
  const user = await findRecord(database, { orgId, kind: orgUser.kind, id });
  if (user === undefined) throw new Problem("NOT_FOUND");
  const isInherited = query.inherited === true;
  const groups = await groupsHolding(database, { orgId, type: "user", targetId: id, isInherited });
  const after = query.nextToken === undefined ? undefined : decodePosition(query.nextToken);
  const start = after === undefined ? 0 : groups.findIndex((group) => group.id === after.id) + 1;
  const page = pageOf(groups.slice(start, start + query.pageSize + 1), query.pageSize, (row) => ({
    createdAt: row.dt_created.toISOString(),
    id: row.id,
  }));
  const data = await catalog.replies(database, resourceGroup, page.data);
  // The document answers this list with one group's schema: the first one's fields stand beside the page.
  return { ...(data[0] ?? { id: user.id }), ...page, data };
};
