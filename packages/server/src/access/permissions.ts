import { actions, type Permission } from "@turnpike/contract/access/permission.ts";
import { account } from "@turnpike/contract/accounts/account.ts";
import { orgUser } from "@turnpike/contract/access/org-user.ts";
import { resourceGroup } from "@turnpike/contract/access/resource-group.ts";
import { resourceGroupItem } from "@turnpike/contract/access/resource-group-item.ts";
import { permissionPolicy } from "@turnpike/contract/access/permission-policy.ts";
import type { PermissionStatement } from "@turnpike/contract/access/permission-statement.ts";
import { serviceUser } from "@turnpike/contract/access/service-user.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Database } from "../ports/database.ts";
import { groupIdsHolding } from "../resources/group-members.ts";
import { heldStatements } from "./held-statements.ts";
import type { Principal } from "./keys.ts";
import { accountsNamed } from "./named-accounts.ts";
import {
  asksForGroups,
  isAllowed,
  isSingledOut,
  type Item,
  judge,
  singlesOut,
  type Verdict,
} from "./statements.ts";

export interface Permissions {
  /** UNAUTHORIZED once the key or its owner is gone, FORBIDDEN without permission; else nothing. */
  readonly check: (
    principal: Principal,
    permission: Permission | "none",
    id: string | undefined,
  ) => Promise<void>;
  /** FORBIDDEN where the request names an account that the caller is denied; else nothing. */
  readonly checkNamed: (
    principal: Principal,
    permission: Permission,
    request: () => Readonly<Record<string, unknown>>,
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

/** How long another server may still act on policies and keys that were changed here, if it does not hear of it. */
const rememberedMs = 2_000;
const rememberedMax = 10_000;

interface Clocks {
  readonly now: () => Date;
  /** Nobody sets it: a clock that is set back must not make anything remembered for longer. */
  readonly steadyMs: () => number;
}

export const createPermissions = (database: Database, { now, steadyMs }: Clocks): Permissions => {
  const byKey = new Map<string, Remembered>();

  const standingOf = (principal: Principal): Remembered["standing"] => {
    const known = byKey.get(principal.accessKey);
    if (known !== undefined && known.until > steadyMs()) return known.standing;
    if (byKey.size >= rememberedMax) byKey.clear();
    const standing = load(database, principal, now());
    const remembered = { orgId: principal.orgId, until: steadyMs() + rememberedMs, standing };
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
      const { orgId } = principal;
      const item = id === undefined ? undefined : await itemOf(database, { orgId, id }, verdict);
      if (!isAllowed(verdict, item)) throw notPermitted(permission, id);
    },
    checkNamed: async (principal, { action, names }, request) => {
      const onAccount = accountPermissions.get(action);
      const standing = await standingOf(principal);
      if (names === undefined || onAccount === undefined || standing === undefined) return;
      const verdict = verdictOf(standing, onAccount);
      if (!singlesOut(verdict)) return;
      const { orgId } = principal;
      const ids = await accountsNamed(database, orgId, { names, request: request() });
      for (const id of ids) {
        const item = await itemOf(database, { orgId, id }, verdict);
        if (isSingledOut(verdict, item)) throw notPermitted(onAccount, id);
      }
    },
    forget: (orgId) => {
      for (const [key, remembered] of byKey) if (remembered.orgId === orgId) byKey.delete(key);
    },
  };
};

const noGroups: ReadonlySet<string> = new Set();

/** The item as statements see it: its groups are read where they have a say. */
const itemOf = async (
  database: Database,
  { orgId, id }: { readonly orgId: string; readonly id: string },
  verdict: Verdict,
): Promise<Item> => ({
  id,
  groups: asksForGroups(verdict)
    ? await groupIdsHolding(database, { orgId, targetId: id, isInherited: true })
    : noGroups,
});

/** One object for each action, as verdicts are kept by it. */
const accountPermissions: ReadonlyMap<string, Permission> = new Map(
  actions.map((action) => [action, { action, on: `config:${account.kind}` }]),
);

const notPermitted = ({ action, on }: Permission, id: string | undefined): Problem => {
  const message = `${action} on ${on}${id === undefined ? "" : `/item/${id}`}`;
  return new Problem("NOT_PERMITTED", [{ field: "permission", message }]);
};

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
  at: Date,
): Promise<Standing | undefined> => {
  const key = await database
    .selectFrom("access_key")
    .select("access_key")
    .where("access_key", "=", accessKey)
    .where("org_id", "=", orgId)
    .where("service_user_id", "=", serviceUserId)
    .executeTakeFirst();
  if (key === undefined) return undefined;
  const person = { orgId, type: "SERVICEUSER", id: serviceUserId } as const;
  const held = await heldStatements(database, person, at);
  return { statements: held.map(({ statement }) => statement), verdicts: new Map() };
};

/** Changes of records of these kinds change who may do what. */
const accessKinds: ReadonlySet<string> = new Set([
  orgUser.kind,
  permissionPolicy.kind,
  resourceGroup.kind,
  resourceGroupItem.kind,
  serviceUser.kind,
]);

export const isAccessKind = (kind: string): boolean => accessKinds.has(kind);
