import { randomUUIDv7 } from "node:crypto";
import { type Selectable, sql } from "kysely";
import type { PrincipalType } from "@turnpike/contract/access/operations.ts";
import { orgUser } from "@turnpike/contract/access/org-user.ts";
import { resourceGroup } from "@turnpike/contract/access/resource-group.ts";
import { permissionPolicy } from "@turnpike/contract/access/permission-policy.ts";
import { serviceUser } from "@turnpike/contract/access/service-user.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Database, DatabaseTransaction, Tables } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import type { Position } from "../records/paging.ts";
import { findRecord, isWithin, type RecordRow } from "../records/records.ts";
import { recordAccessChange } from "./changes.ts";

/** Whom a policy is attached to. Support users are meant all together: their id is empty. */
export interface Holder {
  readonly type: PrincipalType;
  readonly id: string;
}

export interface Attachment {
  readonly policyId: string;
  readonly holder: Holder;
  readonly at: Date;
}

type Row = Selectable<Tables["principal_permission"]>;

/** m3ter's PrincipalPermission; an attachment is made and removed, never changed. */
const toReply = (row: Row) => ({
  id: row.id,
  version: 1,
  permissionPolicyId: row.policy_id,
  ...(row.principal_id === "" ? {} : { principalId: row.principal_id }),
  principalType: row.principal_type,
  dtCreated: row.created_at.toISOString(),
  dtLastModified: row.created_at.toISOString(),
  createdBy: row.created_by,
  lastModifiedBy: row.created_by,
});
export type AttachmentReply = ReturnType<typeof toReply>;

const findPolicy = async (
  transaction: DatabaseTransaction,
  orgId: string,
  id: string,
): Promise<RecordRow> => {
  const policy = await findRecord(
    transaction,
    { orgId, kind: permissionPolicy.kind, id },
    "for update",
  );
  if (policy === undefined) throw new Problem("NOT_FOUND");
  return policy;
};

/** What a principal is; support users are nobody in particular. */
const principals = {
  USER: { resource: orgUser, scope: {} },
  USERGROUP: { resource: resourceGroup, scope: { type: "user" } },
  SERVICEUSER: { resource: serviceUser, scope: {} },
} as const;

const checkHolder = async (
  transaction: DatabaseTransaction,
  orgId: string,
  { type, id }: Holder,
): Promise<void> => {
  if (type === "SUPPORTUSERS") return;
  const { resource, scope } = principals[type];
  const found = await findRecord(transaction, { orgId, kind: resource.kind, id });
  if (found !== undefined && isWithin(found, scope)) return;
  throw fieldProblem("REFERENCE_NOT_FOUND", "principalId", `names no ${resource.kind}: ${id}`);
};

const findAttachment = (
  transaction: DatabaseTransaction,
  orgId: string,
  { policyId, holder }: Attachment,
): Promise<Row | undefined> =>
  transaction
    .selectFrom("principal_permission")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("policy_id", "=", policyId)
    .where("principal_type", "=", holder.type)
    .where("principal_id", "=", holder.id)
    .executeTakeFirst();

/** Attaching twice is attaching once: the first attachment is answered again. */
export const attach = async (
  transaction: DatabaseTransaction,
  caller: Caller,
  attachment: Attachment,
): Promise<AttachmentReply> => {
  const { orgId } = caller;
  const policy = await findPolicy(transaction, orgId, attachment.policyId);
  await checkHolder(transaction, orgId, attachment.holder);
  const known = await findAttachment(transaction, orgId, { ...attachment, policyId: policy.id });
  if (known !== undefined) return toReply(known);
  const row = await transaction
    .insertInto("principal_permission")
    .values({
      org_id: orgId,
      id: randomUUIDv7(),
      policy_id: policy.id,
      principal_type: attachment.holder.type,
      principal_id: attachment.holder.id,
      created_at: attachment.at,
      created_by: caller.principal,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return record(transaction, caller, { row, action: "created", at: attachment.at });
};

/** The attachment as it was; NOT_FOUND when there was none. */
export const detach = async (
  transaction: DatabaseTransaction,
  caller: Caller,
  attachment: Attachment,
): Promise<AttachmentReply> => {
  const { orgId } = caller;
  const policy = await findPolicy(transaction, orgId, attachment.policyId);
  const row = await transaction
    .deleteFrom("principal_permission")
    .where("org_id", "=", orgId)
    .where("policy_id", "=", policy.id)
    .where("principal_type", "=", attachment.holder.type)
    .where("principal_id", "=", attachment.holder.id)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) {
    const message = "is not one that the policy is attached to";
    throw fieldProblem("NOT_FOUND", "principalId", message);
  }
  return record(transaction, caller, { row, action: "deleted", at: attachment.at });
};

const record = async (
  transaction: DatabaseTransaction,
  caller: Caller,
  { row, action, at }: { row: Row; action: "created" | "deleted"; at: Date },
): Promise<AttachmentReply> => {
  const reply = toReply(row);
  const change = { at, kind: "principalPermission", id: row.id, action } as const;
  await recordAccessChange(transaction, caller, { ...change, document: reply });
  return reply;
};

/** The policies that somebody holds, newest first, at most `limit`. */
export const policiesOf = async (
  database: Database,
  orgId: string,
  page: { holder: Holder; limit: number; after: Position | undefined },
): Promise<RecordRow[]> => {
  const { holder, limit, after } = page;
  const query = database
    .selectFrom("record")
    .selectAll("record")
    .innerJoin("principal_permission", (join) =>
      join
        .onRef("principal_permission.org_id", "=", "record.org_id")
        .onRef("principal_permission.policy_kind", "=", "record.kind")
        .onRef("principal_permission.policy_id", "=", "record.id"),
    )
    .where("record.org_id", "=", orgId)
    .where("principal_type", "=", holder.type)
    .where("principal_id", "=", holder.id)
    .orderBy("record.dt_created", "desc")
    .orderBy("record.id", "desc")
    .limit(limit);
  if (after === undefined) return query.execute();
  const { createdAt, id } = after;
  return query
    .where(sql<boolean>`(record.dt_created, record.id) < (${createdAt}::timestamptz, ${id}::uuid)`)
    .execute();
};
