import { randomUUIDv7 } from "node:crypto";
import { z } from "zod";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import { validate } from "@turnpike/contract/validation.ts";
import type { DatabaseTransaction, Document } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import type { Scope } from "../records/place.ts";
import {
  checkReferences,
  checkUnused,
  findRecord,
  index,
  isWithin,
  parentOf,
  type RecordRow,
  toReply,
  unindex,
} from "../records/records.ts";
import { rules } from "./rules.ts";
import { type Secrets, setApart } from "./secrets.ts";

/** A record as it is now, and how it came to be so. */
export interface Written {
  readonly row: RecordRow;
  readonly action: "created" | "updated" | "deleted";
  readonly before?: RecordRow;
}

const newVersion = z.object({ version: z.int() });
const anyDocument = z.record(z.string(), z.unknown());

interface Acceptance {
  readonly caller: Caller;
  readonly at: Date;
  readonly id: string;
  readonly body: unknown;
  /** What stood there, with the server's own fields as they shall be. */
  readonly before?: Document | undefined;
  /** The server's own fields of a new record. */
  readonly owned?: Document | undefined;
}

const ownFields = (resource: Resource, document: Document = {}): Document =>
  Object.fromEntries(
    (resource.owned ?? []).flatMap((field) =>
      document[field] === undefined ? [] : [[field, document[field]]],
    ),
  );

/** The body as the declaration reads it, with the rules of its kind applied. */
const accept = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { caller, at, id, body, before, owned }: Acceptance,
): Promise<Document> => {
  const document = {
    ...anyDocument.parse(validate(resource.fields, body)),
    ...ownFields(resource, before ?? owned),
  };
  const { orgId, principal } = caller;
  await checkReferences(transaction, resource, { orgId, document });
  const rule = rules[resource.kind]?.write;
  if (rule === undefined) return document;
  return rule({ transaction, orgId, principal, at, id, document, before });
};

interface Insertion {
  readonly caller: Caller;
  readonly secrets: Secrets;
  readonly body: unknown;
  readonly at: Date;
  /** Of a singleton, which is named after its organization; any other record gets a new one. */
  readonly id?: string | undefined;
  readonly owned?: Document | undefined;
}

export const insert = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { caller, secrets, body, at, owned, id = randomUUIDv7() }: Insertion,
): Promise<Written> => {
  const accepted = await accept(transaction, resource, { caller, at, id, body, owned });
  const { document, secret } = setApart(resource, accepted);
  const row = await transaction
    .insertInto("record")
    .values({
      org_id: caller.orgId,
      kind: resource.kind,
      id,
      parent_id: parentOf(resource, document),
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
  const key = { orgId: caller.orgId, kind: resource.kind, id };
  await secrets.store(transaction, key, secret);
  await index(transaction, resource, { ...key, document });
  return { row, action: "created" };
};

/** A change of one record; with a `scope`, only where its fields equal it. */
interface Change {
  readonly caller: Caller;
  readonly secrets: Secrets;
  readonly id: string;
  readonly at: Date;
  readonly scope?: Scope | undefined;
}

/** What a client asks for: the whole document again, with the version it read (m3ter semantics 2.5). */
export const replace = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { body, ...change }: Change & { body: unknown },
): Promise<Written> => {
  const before = await locked(transaction, resource, change);
  const { version } = validate(newVersion, body);
  if (version !== Number(before.version)) {
    const message = `is ${version}, but the stored version is ${before.version}`;
    throw fieldProblem("VERSION_MISMATCH", "version", message);
  }
  const { caller, at, id } = change;
  const next = await accept(transaction, resource, {
    caller,
    at,
    id,
    body,
    before: before.document,
  });
  return overwrite(transaction, resource, { before, next, change });
};

/** What the server asks for: some fields of the record as it stands, its own included. */
export const amend = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { fields, ...change }: Change & { fields: Document },
): Promise<Written> => {
  const before = await locked(transaction, resource, change);
  const { caller, at, id } = change;
  const key = { orgId: caller.orgId, kind: resource.kind, id };
  const secret = await change.secrets.find(transaction, key);
  const wanted = { ...before.document, ...fields };
  const next = await accept(transaction, resource, {
    caller,
    at,
    id,
    body: { ...wanted, ...secret },
    before: { ...before.document, ...ownFields(resource, wanted) },
  });
  return overwrite(transaction, resource, { before, next, change });
};

const overwrite = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { before, next, change }: { before: RecordRow; next: Document; change: Change },
): Promise<Written> => {
  const { document, secret } = setApart(resource, next);
  const key = { orgId: change.caller.orgId, kind: resource.kind, id: before.id };
  const row = await transaction
    .updateTable("record")
    .set({
      ...codesOf(document),
      version: Number(before.version) + 1,
      document: JSON.stringify(document),
      dt_last_modified: change.at,
      last_modified_by: change.caller.principal,
    })
    .where("org_id", "=", key.orgId)
    .where("kind", "=", key.kind)
    .where("id", "=", key.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await change.secrets.store(transaction, key, secret);
  await unindex(transaction, key);
  await index(transaction, resource, { ...key, document });
  return { row, action: "updated", before };
};

/** Removes a record and all that lives under it, innermost first. */
export const erase = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  change: Change,
): Promise<Written[]> => eraseRow(transaction, change, await locked(transaction, resource, change));

const eraseRow = async (
  transaction: DatabaseTransaction,
  change: Pick<Change, "caller" | "at">,
  row: RecordRow,
): Promise<Written[]> => {
  const key = { orgId: row.org_id, kind: row.kind, id: row.id };
  const { principal } = change.caller;
  const { document } = row;
  await rules[row.kind]?.remove?.({ transaction, ...key, principal, at: change.at, document });
  const erased: Written[] = [];
  for (const child of await childrenOf(transaction, row)) {
    erased.push(...(await eraseRow(transaction, change, child)));
  }
  await checkUnused(transaction, key);
  await transaction
    .deleteFrom("record")
    .where("org_id", "=", key.orgId)
    .where("kind", "=", key.kind)
    .where("id", "=", key.id)
    .execute();
  return [...erased, { row, action: "deleted", before: row }];
};

const childrenOf = (transaction: DatabaseTransaction, row: RecordRow): Promise<RecordRow[]> =>
  transaction
    .selectFrom("record")
    .selectAll()
    .where("org_id", "=", row.org_id)
    .where("parent_id", "=", row.id)
    .forUpdate()
    .execute();

/** The record, which nobody else changes until the transaction ends. */
export const locked = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { caller, id, scope }: Pick<Change, "caller" | "id" | "scope">,
): Promise<RecordRow> => {
  const key = { orgId: caller.orgId, kind: resource.kind, id };
  const row = await findRecord(transaction, key, "for update");
  if (row === undefined || !isWithin(row, scope)) throw new Problem("NOT_FOUND");
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
