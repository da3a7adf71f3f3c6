import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { parseZone } from "@turnpike/engine/time/zone.ts";
import type { Reader } from "../ports/database.ts";
import { lookup } from "../records/lookup.ts";

/** How the organization bills; every organization has one from its first moment. */
export const organizationConfigOf = async (
  reader: Reader,
  orgId: string,
): Promise<Stored<typeof organizationConfig>> => {
  const config = await lookup(reader, organizationConfig, { orgId, id: orgId });
  if (config === undefined) throw new Error(`organization ${orgId} has no configuration`);
  return config;
};

/** Where its days begin. */
export const organizationZone = async (reader: Reader, orgId: string): Promise<string> => {
  const { timezone } = await organizationConfigOf(reader, orgId);
  return parseZone(timezone) ?? "UTC";
};
