import { resources } from "@turnpike/contract/resources.ts";
import {
  type Credentials,
  ensureOrganization,
  newOrganizationId,
} from "@turnpike/server/access/organizations.ts";
import { newKeyPair } from "@turnpike/server/access/service-user-keys.ts";
import type { Config } from "@turnpike/server/config.ts";
import { withWorld } from "./world.ts";

/** One more organization of the database, with an administrator's key. The secret is in the reply and nowhere else. */
export const createOrganization = (config: Config): Promise<Credentials> =>
  withWorld(config, async ({ database, now }) => {
    const credentials = { orgId: newOrganizationId(), ...newKeyPair() };
    await ensureOrganization(database, resources, { credentials, at: now() });
    return credentials;
  });

/** Every organization of the database, oldest first. */
export const listOrganizations = (config: Config): Promise<unknown> =>
  withWorld(config, async ({ database }) => {
    const rows = await database
      .selectFrom("organization")
      .select(["id", "created_at"])
      .orderBy("created_at")
      .orderBy("id")
      .execute();
    return rows.map(({ id, created_at }) => ({ orgId: id, dtCreated: created_at.toISOString() }));
  });
