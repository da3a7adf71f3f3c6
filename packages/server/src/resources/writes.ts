import { randomUUIDv7 } from "node:crypto";
import { z } from "zod";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import { validate } from "@turnpike/contract/validation.ts";
import type { DatabaseTransaction, Document } from "../ports/database.ts";
import {
  checkReferences,
  checkUnused,
  findRecord,
  index,
  type RecordRow,
  toReply,
  unindex,
} from "../records/records.ts";
import { rules } from "./rules.ts";
import type { Caller } from "../records/caller.ts";

/** A record as it is now, and how it came to be so. */
export interface Written {
  readonly row: RecordRow;
  readonly action: "created" | "updated" | "deleted";
  readonly before?: RecordRow;
}

const newVersion = z.object({ version: z.int() });
const anyDocument = z.record(z.string(), z.unknown());

/** The body as the declaration reads it, with the rules of its kind applied. */
const accept = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { caller, id, body, before }: { caller: Caller; id: string; body: unknown; before?: RecordRow },
): Promise<Document> => {
  const document = anyDocument.parse(validate(resource.fields, body));
  const { orgId } = caller;
  await checkReferences(transaction, resource, { orgId, document });
  const rule = rules[resource.kind]?.write;
  if (rule === undefined) return document;
  return rule({ transaction, orgId, id, document, before: before?.document });
};

interface Insertion {
  readonly caller: Caller;
  readonly body: unknown;
  readonly at: Date;
  /** Of a singleton, which is named after its organization; any other record gets a new one. */
  readonly id?: string | undefined;
}

export const insert = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { caller, body, at, id = randomUUIDv7() }: Insertion,
): Promise<Written> => {
  const document = await accept(transaction, resource, { caller, id, body });
  const row = await transaction
    .insertInto("record")
    .values({
      org_id: caller.orgId,
      kind: resource.kind,
      id,
      parent_id: null,
      ...codesOf(document),
      version: 1,
      document: JSON.stringify(document),
      dt_created: at,
      dt_last_modified: at,
      created_by: caller.principal,
      last_modified_by: caller.principal,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await index(transaction, resource, { orgId: caller.orgId, kind: resource.kind, id, document });
  return { row, action: "created" };
};

export const replace = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { caller, id, body, at }: { caller: Caller; id: string; body: unknown; at: Date },
): Promise<Written> => {
  const before = await locked(transaction, resource, { caller, id });
  const { version } = validate(newVersion, body);
  if (version !== Number(before.version)) {
    const message = `is ${version}, but the stored version is ${before.version}`;
    throw fieldProblem("VERSION_MISMATCH", "version", message);
  }
  const document = await accept(transaction, resource, { caller, id, body, before });
  const key = { orgId: caller.orgId, kind: resource.kind, id };
  const row = await transaction
    .updateTable("record")
    .set({
      ...codesOf(document),
      version: version + 1,
      document: JSON.stringify(document),
      dt_last_modified: at,
      last_modified_by: caller.principal,
    })
    .where("org_id", "=", key.orgId)
    .where("kind", "=", key.kind)
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await unindex(transaction, key);
  await index(transaction, resource, { ...key, document });
  return { row, action: "updated", before };
};

export const erase = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { caller, id }: { caller: Caller; id: string },
): Promise<Written> => {
  const { orgId } = caller;
  const before = await locked(transaction, resource, { caller, id });
  await checkUnused(transaction, { orgId, kind: resource.kind, id });
  await rules[resource.kind]?.remove?.({ transaction, orgId, id, document: before.document });
  await transaction
    .deleteFrom("record")
    .where("org_id", "=", orgId)
    .where("kind", "=", resource.kind)
    .where("id", "=", id)
    .execute();
  return { row: before, action: "deleted", before };
};

const locked = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { caller, id }: { caller: Caller; id: string },
): Promise<RecordRow> => {
  const key = { orgId: caller.orgId, kind: resource.kind, id };
  const row = await findRecord(transaction, key, "for update");
  if (row === undefined) throw new Problem("NOT_FOUND");
  return row;
};

/** What people would take for the same code (m3ter semantics 3.4). */
export const foldCode = (code: string): string => code.normalize("NFC").trim().toLowerCase();

const codesOf = ({ code }: Document) =>
  typeof code === "string"
    ? { code, folded_code: foldCode(code) }
    : { code: null, folded_code: null };

/** The audit log's row for a change, in the change's own transaction. */
export const recordChange = async (
  transaction: DatabaseTransaction,
  { orgId, principal }: Caller,
  { row, action, before, at }: Written & { at: Date },
): Promise<void> => {
  await transaction
    .insertInto("change")
    .values({
      org_id: orgId,
      at,
      principal,
      kind: row.kind,
      record_id: row.id,
      action,
      before: before === undefined ? null : JSON.stringify(toReply(before)),
      after: action === "deleted" ? null : JSON.stringify(toReply(row)),
    })
    .execute();
};
