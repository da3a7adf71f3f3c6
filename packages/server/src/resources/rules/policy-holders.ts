import type { PrincipalType } from "@turnpike/contract/access/operations.ts";
import type { Rules } from "../rule.ts";

/** Whoever goes takes the attachments of policies along. */
const takesItsPolicies = (type: PrincipalType): Rules => ({
  remove: async ({ transaction, orgId, id }) => {
    await transaction
      .deleteFrom("principal_permission")
      .where("org_id", "=", orgId)
      .where("principal_type", "=", type)
      .where("principal_id", "=", id)
      .execute();
  },
});

export const serviceUserRules = takesItsPolicies("SERVICEUSER");
export const resourceGroupRules = takesItsPolicies("USERGROUP");
