import { orgUser } from "@turnpike/contract/access/org-user.ts";
import { resourceGroup } from "@turnpike/contract/access/resource-group.ts";
import type { PrincipalType } from "@turnpike/contract/access/operations.ts";
import { serviceUser } from "@turnpike/contract/access/service-user.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import { heldStatements } from "../access/held-statements.ts";
import { attach, detach, type Holder, policiesOf } from "../access/attachments.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Caller } from "../records/caller.ts";
import { decodePosition, pageOf } from "../records/paging.ts";
import { findRecord, isWithin, toReply } from "../records/records.ts";
import type { Handlers, World } from "./handler.ts";

interface AttachmentRequest extends Caller {
  readonly params: Readonly<Record<string, string>>;
  /** Absent for support users, who are meant all together. */
  readonly body: { readonly principalId: string } | undefined;
}

const change =
  (act: typeof attach, type: PrincipalType) =>
  async (request: AttachmentRequest, { database, now, accessChanged }: World) => {
    const reply = await database.transaction().execute((transaction) =>
      act(transaction, request, {
        policyId: request.params["permissionPolicyId"] ?? "",
        holder: { type, id: request.body?.principalId ?? "" },
        at: now(),
      }),
    );
    accessChanged(request.orgId);
    return reply;
  };

export const addPolicyToUser = change(attach, "USER");
export const removePolicyFromUser = change(detach, "USER");
export const addPolicyToUserGroup = change(attach, "USERGROUP");
export const removePolicyFromUserGroup = change(detach, "USERGROUP");
export const addPolicyToServiceUser = change(attach, "SERVICEUSER");
export const removePolicyFromServiceUser = change(detach, "SERVICEUSER");
export const addPolicyToSupportUsers = change(attach, "SUPPORTUSERS");
export const removePolicyFromSupportUsers = change(detach, "SUPPORTUSERS");

interface PoliciesRequest {
  readonly orgId: string;
  readonly query: { readonly pageSize: number; readonly nextToken?: string | undefined };
}

const pageOfPolicies = async (
  { orgId, query }: PoliciesRequest,
  { database }: World,
  holder: Holder,
) => {
  const { pageSize, nextToken } = query;
  const rows = await policiesOf(database, orgId, {
    holder,
    limit: pageSize + 1,
    after: nextToken === undefined ? undefined : decodePosition(nextToken),
  });
  const page = pageOf(rows, pageSize, (row) => ({
    createdAt: row.dt_created.toISOString(),
    id: row.id,
  }));
  return { ...page, data: page.data.map((row) => toReply(row)) };
};

export const listServiceUserPermissions: Handlers["listServiceUserPermissions"] = (
  request,
  world,
) => pageOfPolicies(request, world, { type: "SERVICEUSER", id: request.params["id"] ?? "" });

/** The document answers this list with one policy's schema: the first one's fields stand beside the page. */
export const listPermissionsOfOrgUser: Handlers["listPermissionsOfOrgUser"] = async (
  request,
  world,
) => {
  const { orgId, params } = request;
  const id = params["id"] ?? "";
  const user = await findRecord(world.database, { orgId, kind: orgUser.kind, id });
  if (user === undefined) throw new Problem("NOT_FOUND");
  const page = await pageOfPolicies(request, world, { type: "USER", id });
  return { ...(page.data[0] ?? { id }), ...page };
};

const statementsOf =
  (type: "USER" | "SERVICEUSER", { kind }: Resource) =>
  async (
    { orgId, params }: { orgId: string; params: Readonly<Record<string, string>> },
    { database, now }: World,
  ) => {
    const found = await findRecord(database, { orgId, kind, id: params["id"] ?? "" });
    if (found === undefined) throw new Problem("NOT_FOUND");
    const held = await heldStatements(database, { orgId, type, id: found.id }, now());
    const data = held.map(({ statement, policyId, holder }) => ({
      ...statement,
      policyId,
      principalType: holder.type,
      principalId: holder.id,
    }));
    return { data };
  };

export const listStatementsOfOrgUser = statementsOf("USER", orgUser);
export const listStatementsOfServiceUser = statementsOf("SERVICEUSER", serviceUser);

export const listPermissionsOfResourceGroup: Handlers["listPermissionsOfResourceGroup"] = async (
  request,
  world,
) => {
  const { orgId, params } = request;
  const { type = "", resourceGroupId: id = "" } = params;
  const group = await findRecord(world.database, { orgId, kind: resourceGroup.kind, id });
  if (group === undefined || !isWithin(group, { type })) throw new Problem("NOT_FOUND");
  return pageOfPolicies(request, world, { type: "USERGROUP", id });
};
