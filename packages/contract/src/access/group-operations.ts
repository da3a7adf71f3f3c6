import { z } from "zod";
import { permitted } from "./permission.ts";
import type { Operation } from "../operation.ts";
import { flag, paging } from "../query.ts";
import { orgUserInvitation } from "./org-user-invitation.ts";
import { targetId, targetType } from "./resource-group-item.ts";

const group = "/organizations/{orgId}/resourcegroups/{type}/{resourceGroupId}";
const target = z.object({ targetId, targetType });

/** Resource groups and their members; users and how they come to be. */
export const groupOperations = {
  addToResourceGroup: {
    method: "POST",
    path: `${group}/addresource`,
    noun: "ResourceGroup",
    summary: "Add an item or a group to a resource group",
    body: target,
    ...permitted("config:update", "config:resourceGroup", "resourceGroupId"),
  },
  removeFromResourceGroup: {
    method: "POST",
    path: `${group}/removeresource`,
    noun: "ResourceGroup",
    summary: "Remove an item or a group from a resource group",
    body: target,
    ...permitted("config:update", "config:resourceGroup", "resourceGroupId"),
  },
  listResourceGroupContents: {
    method: "POST",
    path: `${group}/contents`,
    noun: "ResourceGroup",
    summary: "List what a resource group holds",
    query: z.object(paging(100)),
    ...permitted("config:retrieve", "config:resourceGroup", "resourceGroupId"),
  },
  createOrgUserInvitation: {
    method: "POST",
    path: `/organizations/{orgId}/${orgUserInvitation.path}`,
    noun: orgUserInvitation.noun,
    summary: "Invite a person, who becomes a user of the organization",
    body: orgUserInvitation.fields,
    ...permitted("config:create", "config:orgUserInvitation"),
  },
  resendTemporaryPassword: {
    method: "PUT",
    path: "/organizations/{orgId}/users/{id}/password/resend",
    noun: "OrgUser",
    summary: "Accepted without effect: users have no passwords here",
    ...permitted("config:update", "config:orgUser", "id"),
  },
  listGroupsOfOrgUser: {
    method: "GET",
    path: "/organizations/{orgId}/users/{id}/usergroups",
    noun: "OrgUser",
    summary: "List the user groups that hold a user; inherited adds the groups that hold those",
    query: z.object({ ...paging(200), inherited: flag.optional() }),
    ...permitted("config:retrieve", "config:orgUser", "id"),
  },
  listPermissionsOfOrgUser: {
    method: "GET",
    path: "/organizations/{orgId}/users/{id}/permissions",
    noun: "OrgUser",
    summary: "List the permission policies of a user",
    query: z.object(paging(200)),
    access: "organization",
    permission: { action: "config:retrieve", on: "config:orgUser", item: "id" },
  },
  listStatementsOfOrgUser: {
    method: "GET",
    path: "/organizations/{orgId}/users/{id}/effectivepermissions",
    noun: "OrgUser",
    summary: "Every statement that counts for a user, and where it comes from",
    ...permitted("config:retrieve", "config:orgUser", "id"),
  },
  listPermissionsOfResourceGroup: {
    method: "GET",
    path: `${group}/permissions`,
    noun: "ResourceGroup",
    summary: "List the permission policies of a group of users",
    query: z.object(paging(100)),
    access: "organization",
    permission: {
      action: "config:retrieve",
      on: "config:resourceGroup",
      item: "resourceGroupId",
    },
  },
} as const satisfies Record<string, Operation>;
