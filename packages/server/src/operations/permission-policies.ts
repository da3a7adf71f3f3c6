import type { PrincipalType } from "@turnpike/contract/access/operations.ts";
import { attach, detach, policiesOf } from "../access/attachments.ts";
import type { Caller } from "../records/caller.ts";
import { decodePosition, pageOf } from "../records/paging.ts";
import { toReply } from "../records/records.ts";
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

export const listServiceUserPermissions: Handlers["listServiceUserPermissions"] = async (
  { orgId, params, query },
  { database },
) => {
  const { pageSize, nextToken } = query;
  const rows = await policiesOf(database, orgId, {
    holder: { type: "SERVICEUSER", id: params["id"] ?? "" },
    limit: pageSize + 1,
    after: nextToken === undefined ? undefined : decodePosition(nextToken),
  });
  const page = pageOf(rows, pageSize, (row) => ({
    createdAt: row.dt_created.toISOString(),
    id: row.id,
  }));
  return { ...page, data: page.data.map((row) => toReply(row)) };
};
