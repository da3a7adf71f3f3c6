import type { Rules } from "../rule.ts";

/** A service user takes its attachments with it, as it takes its keys. */
export const serviceUserRules: Rules = {
  remove: async ({ transaction, orgId, id }) => {
    await transaction
      .deleteFrom("principal_permission")
      .where("org_id", "=", orgId)
      .where("principal_type", "=", "SERVICEUSER")
      .where("principal_id", "=", id)
      .execute();
  },
};
