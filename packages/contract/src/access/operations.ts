import { z } from "zod";
import type { Operation } from "../operation.ts";
import { paging } from "../query.ts";
import { dateTime } from "../schema.ts";

export const principalTypes = ["USER", "USERGROUP", "SERVICEUSER", "SUPPORTUSERS"] as const;
export type PrincipalType = (typeof principalTypes)[number];

const attachment = {
  method: "POST",
  noun: "PermissionPolicy",
  access: "organization",
  permission: {
    action: "config:update",
    on: "config:permissionPolicy",
    item: "permissionPolicyId",
  },
} as const;

const policyPath = "/organizations/{orgId}/permissionpolicies/{permissionPolicyId}";
const keysPath = "/organizations/{orgId}/serviceusers/{serviceUserId}/keys";
const principal = { body: z.object({ principalId: z.string().min(1).max(200).toLowerCase() }) };

const keyPermission = (action: "config:create" | "config:retrieve" | "config:delete") =>
  ({ action, on: "config:serviceUserKey" }) as const;

export const accessOperations = {
  generateToken: {
    method: "POST",
    path: "/oauth/token",
    noun: "Auth",
    summary: "Exchange an access key and secret (HTTP Basic) for a bearer token",
    accepts: "json or form",
    body: z.object({ grant_type: z.literal("client_credentials"), scope: z.string().optional() }),
    access: "key",
  },
  getMe: {
    method: "GET",
    path: "/organizations/{orgId}/users/me",
    noun: "User",
    summary: "Retrieve the caller and its organization",
    access: "organization",
    permission: "none",
  },
  addPolicyToUser: {
    ...attachment,
    ...principal,
    path: `${policyPath}/addtouser`,
    summary: "Attach a permission policy to a user",
  },
  removePolicyFromUser: {
    ...attachment,
    ...principal,
    path: `${policyPath}/removefromuser`,
    summary: "Detach a permission policy from a user",
  },
  addPolicyToUserGroup: {
    ...attachment,
    ...principal,
    path: `${policyPath}/addtousergroup`,
    summary: "Attach a permission policy to a group of users",
  },
  removePolicyFromUserGroup: {
    ...attachment,
    ...principal,
    path: `${policyPath}/removefromusergroup`,
    summary: "Detach a permission policy from a group of users",
  },
  addPolicyToServiceUser: {
    ...attachment,
    ...principal,
    path: `${policyPath}/addtoserviceuser`,
    summary: "Attach a permission policy to a service user",
  },
  removePolicyFromServiceUser: {
    ...attachment,
    ...principal,
    path: `${policyPath}/removefromserviceuser`,
    summary: "Detach a permission policy from a service user",
  },
  addPolicyToSupportUsers: {
    ...attachment,
    path: `${policyPath}/addtosupportusers`,
    summary: "Attach a permission policy to support users",
  },
  removePolicyFromSupportUsers: {
    ...attachment,
    path: `${policyPath}/removefromsupportusers`,
    summary: "Detach a permission policy from support users",
  },
  listServiceUserPermissions: {
    method: "GET",
    path: "/organizations/{orgId}/serviceusers/{id}/permissions",
    noun: "ServiceUser",
    summary: "List the permission policies of a service user",
    query: z.object(paging(200)),
    access: "organization",
    permission: { action: "config:retrieve", on: "config:serviceUser", item: "id" },
  },
  listStatementsOfServiceUser: {
    method: "GET",
    path: "/organizations/{orgId}/serviceusers/{id}/effectivepermissions",
    noun: "ServiceUser",
    summary: "Every statement that counts for a service user, and where it comes from",
    access: "organization",
    permission: { action: "config:retrieve", on: "config:serviceUser", item: "id" },
  },
  createServiceUserKey: {
    method: "POST",
    path: keysPath,
    noun: "ServiceUser",
    summary: "Create an access key; its secret is in this reply and nowhere else",
    access: "organization",
    permission: keyPermission("config:create"),
  },
  listServiceUserKeys: {
    method: "GET",
    path: keysPath,
    noun: "ServiceUser",
    summary: "List the access keys of a service user, without their secrets",
    access: "organization",
    permission: keyPermission("config:retrieve"),
  },
  deleteServiceUserKey: {
    method: "DELETE",
    path: `${keysPath}/{accessKey}`,
    noun: "ServiceUser",
    summary: "Delete an access key; what was issued to it ends at once",
    access: "organization",
    permission: keyPermission("config:delete"),
  },
  listAuditLog: {
    method: "GET",
    path: "/organizations/{orgId}/auditlog",
    noun: "AuditLog",
    summary: "List what was changed, by whom and when, newest first",
    query: z.object({
      ...paging(200),
      entityType: z.string().optional(),
      entityId: z.string().optional(),
      action: z.enum(["created", "updated", "deleted"]).optional(),
      principal: z.string().optional(),
      from: dateTime.optional(),
      before: dateTime.optional(),
    }),
    access: "organization",
    permission: { action: "audit:retrieve", on: "audit:change" },
  },
} as const satisfies Record<string, Operation>;
