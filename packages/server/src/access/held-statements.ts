import { sql } from "kysely";
import { orgUser } from "@turnpike/contract/access/org-user.ts";
import { permissionPolicy } from "@turnpike/contract/access/permission-policy.ts";
import type { PermissionStatement } from "@turnpike/contract/access/permission-statement.ts";
import type { Database } from "../ports/database.ts";
import { lookup, typed } from "../records/lookup.ts";
import type { RecordRow } from "../records/records.ts";
import { groupIdsHolding } from "../resources/group-members.ts";
import type { Holder } from "./attachments.ts";

/** Somebody whose permissions can be asked for. */
export interface Person {
  readonly orgId: string;
  readonly type: "USER" | "SERVICEUSER";
  readonly id: string;
}

/** A statement that counts for somebody, and where it comes from. */
export interface HeldStatement {
  readonly statement: PermissionStatement;
  /** Whom it was given to: the person, a group that holds the person, or all support users. */
  readonly holder: Holder;
  /** None when it stands on the user itself. */
  readonly policyId?: string;
}

type HeldPolicy = RecordRow & { principal_type: Holder["type"]; principal_id: string };

const policiesOf = async (
  database: Database,
  orgId: string,
  holders: readonly Holder[],
): Promise<HeldPolicy[]> => {
  const { rows } = await sql<HeldPolicy>`
    SELECT record.*, held.principal_type, held.principal_id FROM jsonb_to_recordset(${JSON.stringify(holders)}::jsonb)
      AS holder(type text, id text)
    JOIN principal_permission held ON held.org_id = ${orgId} AND held.principal_type = holder.type
      AND held.principal_id = holder.id
    JOIN record ON record.org_id = held.org_id AND record.kind = held.policy_kind AND record.id = held.policy_id
    ORDER BY record.dt_created, record.id, held.id
  `.execute(database);
  return rows;
};

/** What stands on the user itself, and whether support users' policies count; undefined once access has ended. */
const userAt = async (database: Database, { orgId, id }: Person, at: Date) => {
  const user = await lookup(database, orgUser, { orgId, id });
  if (user === undefined) return undefined;
  if (user.dtEndAccess !== undefined && new Date(user.dtEndAccess) <= at) return undefined;
  return user;
};

/**
 * Every statement that counts for a user or a service user: those of its own policies, of the user groups that hold it
 * however far up, and what stands on the user itself. The one place where permissions are put together.
 */
export const heldStatements = async (
  database: Database,
  person: Person,
  at: Date,
): Promise<HeldStatement[]> => {
  const { orgId, type, id } = person;
  const user = type === "USER" ? await userAt(database, person, at) : undefined;
  if (type === "USER" && user === undefined) return [];
  const groups = await groupIdsHolding(database, { orgId, targetId: id, isInherited: true });
  const own: Holder = { type, id };
  const rows = await policiesOf(database, orgId, [
    own,
    ...[...groups].map((group) => ({ type: "USERGROUP", id: group }) as const),
  ]);
  const held = rows.flatMap((row) =>
    typed(permissionPolicy, row).permissionPolicy.map((statement) => ({
      statement,
      policyId: row.id,
      holder: { type: row.principal_type, id: row.principal_id },
    })),
  );
  const onUser = (user?.permissionPolicy ?? []).map((statement) => ({ statement, holder: own }));
  return [...onUser, ...held];
};
