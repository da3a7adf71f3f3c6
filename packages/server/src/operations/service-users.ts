import { serviceUser } from "@turnpike/contract/access/service-user.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import { createKey, listKeys, removeKey } from "../access/service-user-keys.ts";
import { findRecord, toReply } from "../records/records.ts";
import type { Handlers } from "./handler.ts";

/** The caller and its organization (m3ter semantics 1.3). */
export const getMe: Handlers["getMe"] = async ({ orgId, principal }, { database }) => {
  const user = await findRecord(database, { orgId, kind: serviceUser.kind, id: principal });
  const organization = await database
    .selectFrom("organization")
    .selectAll()
    .where("id", "=", orgId)
    .executeTakeFirst();
  if (user === undefined || organization === undefined) throw new Problem("NOT_FOUND");
  return {
    serviceUser: toReply(user),
    organization: {
      id: orgId,
      version: 1,
      orgId,
      dtCreated: organization.created_at.toISOString(),
    },
  };
};

export const createServiceUserKey: Handlers["createServiceUserKey"] = (request, world) =>
  createKey(world.database, request, {
    serviceUserId: request.params["serviceUserId"] ?? "",
    at: world.now(),
  });

export const listServiceUserKeys: Handlers["listServiceUserKeys"] = async (
  { orgId, params },
  { database },
) => ({ data: await listKeys(database, orgId, params["serviceUserId"] ?? "") });

export const deleteServiceUserKey: Handlers["deleteServiceUserKey"] = async (request, world) => {
  const key = await removeKey(world.database, request, {
    serviceUserId: request.params["serviceUserId"] ?? "",
    accessKey: request.params["accessKey"] ?? "",
    at: world.now(),
  });
  world.accessChanged(request.orgId);
  return key;
};
