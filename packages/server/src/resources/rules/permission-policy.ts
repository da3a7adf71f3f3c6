import { isManagedPolicy } from "@turnpike/contract/access/permission-policy.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Rules } from "../rule.ts";

const refuseManaged = (id: string, isThere: boolean): void => {
  if (!isThere || !isManagedPolicy(id)) return;
  throw fieldProblem("RULE_VIOLATED", "id", "is a managed policy, which belongs to the system");
};

/** Managed policies stay as they are, and a policy that somebody holds stays (m3ter semantics 1.3). */
export const permissionPolicyRules: Rules = {
  write: async ({ id, document, before }) => {
    refuseManaged(id, before !== undefined);
    return { ...document, managedPolicy: isManagedPolicy(id) };
  },
  remove: async ({ transaction, orgId, id }) => {
    refuseManaged(id, true);
    const held = await transaction
      .selectFrom("principal_permission")
      .select(["principal_type", "principal_id"])
      .where("org_id", "=", orgId)
      .where("policy_id", "=", id)
      .limit(1)
      .executeTakeFirst();
    if (held === undefined) return;
    const message = `is attached to ${held.principal_type} ${held.principal_id}`.trim();
    throw fieldProblem("RECORD_IN_USE", "id", message);
  },
};
