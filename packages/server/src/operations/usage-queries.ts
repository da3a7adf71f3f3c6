import { answerUsageQuery } from "../metering/usage-query.ts";
import { organizationZone } from "../resources/organization.ts";
import type { Handlers } from "./handler.ts";

export const queryUsage: Handlers["queryUsage"] = async ({ orgId, body }, world) => {
  const timeZone = await organizationZone(world.database, orgId);
  return answerUsageQuery(world, { orgId, timeZone, body });
};
