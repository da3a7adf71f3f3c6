import type { Permission } from "@turnpike/contract/access/permission.ts";
import { permissionPolicy } from "@turnpike/contract/access/permission-policy.ts";
import type { PermissionStatement } from "@turnpike/contract/access/permission-statement.ts";
import { serviceUser } from "@turnpike/contract/access/service-user.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Database } from "../ports/database.ts";
import { typed } from "../records/lookup.ts";
import { groupsHolding } from "./groups.ts";
import type { Principal } from "./keys.ts";
import { asksForGroups, isAllowed, judge, type Verdict } from "./statements.ts";

export interface Permissions {
  /** UNAUTHORIZED once the key or its owner is gone, FORBIDDEN without permission; else nothing. */
  readonly check: (
    principal: Principal,
    permission: Permission | "none",
    id: string | undefined,
  ) => Promise<void>;
  /** Whatever was remembered of the organization is asked again: call after a change of access. */
  readonly forget: (orgId: string) => void;
}

/** A key's owner and what it may do; verdicts are worked out at the first request that asks for them. */
interface Standing {
  readonly statements: readonly PermissionStatement[];
  readonly verdicts: Map<Permission, Verdict>;
}

interface Remembered {
  readonly orgId: string;
  readonly until: number;
  readonly standing: Promise<Standing | undefined>;
}

/** How long another server may still act on policies and keys that were changed here. */
const rememberedMs = 2_000;
const rememberedMax = 10_000;

export const createPermissions = (database: Database, now: () => number): Permissions => {
  const byKey = new Map<string, Remembered>();

  const standingOf = (principal: Principal): Remembered["standing"] => {
    const known = byKey.get(principal.accessKey);
    if (known !== undefined && known.until > now()) return known.standing;
    if (byKey.size >= rememberedMax) byKey.clear();
    const standing = load(database, principal);
    const remembered = { orgId: principal.orgId, until: now() + rememberedMs, standing };
    byKey.set(principal.accessKey, remembered);
    standing.catch(() => {
      if (byKey.get(principal.accessKey) === remembered) byKey.delete(principal.accessKey);
    });
    return standing;
  };

  return {
    check: async (principal, permission, id) => {
      const standing = await standingOf(principal);
      if (standing === undefined) throw new Problem("UNAUTHORIZED");
      if (permission === "none") return;
      const verdict = verdictOf(standing, permission);
      const needsGroups = id !== undefined && asksForGroups(verdict);
      const groups = needsGroups ? await groupsHolding(database, principal.orgId, id) : noGroups;
      if (isAllowed(verdict, id === undefined ? undefined : { id, groups })) return;
      const { action, on } = permission;
      const message = `${action} on ${on}${id === undefined ? "" : `/item/${id}`}`;
      throw new Problem("NOT_PERMITTED", [{ field: "permission", message }]);
    },
    forget: (orgId) => {
      for (const [key, remembered] of byKey) if (remembered.orgId === orgId) byKey.delete(key);
    },
  };
};

const noGroups: ReadonlySet<string> = new Set();

const verdictOf = ({ statements, verdicts }: Standing, permission: Permission): Verdict => {
  const known = verdicts.get(permission);
  if (known !== undefined) return known;
  const verdict = judge(statements, permission);
  verdicts.set(permission, verdict);
  return verdict;
};

const load = async (
  database: Database,
  { orgId, serviceUserId, accessKey }: Principal,
): Promise<Standing | undefined> => {
  const key = await database
    .selectFrom("access_key")
    .select("access_key")
    .where("access_key", "=", accessKey)
    .where("org_id", "=", orgId)
    .where("service_user_id", "=", serviceUserId)
    .executeTakeFirst();
  if (key === undefined) return undefined;
  const policies = await database
    .selectFrom("record")
    .selectAll("record")
    .innerJoin("principal_permission", (join) =>
      join
        .onRef("principal_permission.org_id", "=", "record.org_id")
        .onRef("principal_permission.policy_kind", "=", "record.kind")
        .onRef("principal_permission.policy_id", "=", "record.id"),
    )
    .where("record.org_id", "=", orgId)
    .where("record.kind", "=", permissionPolicy.kind)
    .where("principal_permission.principal_type", "=", "SERVICEUSER")
    .where("principal_permission.principal_id", "=", serviceUserId)
    .execute();
  const statements = policies.flatMap((row) => typed(permissionPolicy, row).permissionPolicy);
  return { statements, verdicts: new Map() };
};

/** Changes of records of these kinds change who may do what. */
const accessKinds: ReadonlySet<string> = new Set([permissionPolicy.kind, serviceUser.kind]);

export const isAccessKind = (kind: string): boolean => accessKinds.has(kind);
