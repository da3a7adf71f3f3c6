import { type Selectable, sql } from "kysely";
import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { DatabaseTransaction, Document, Reader, RecordTable } from "../ports/database.ts";
import type { Scope } from "./place.ts";

export type RecordRow = Selectable<RecordTable>;

/** Which record: ids that are not UUIDs name nothing. */
export interface RecordKey {
  readonly orgId: string;
  readonly kind: string;
  readonly id: string;
}

/** The record as a client reads it: the written fields between the standard ones (m3ter semantics 2.4). */
export const toReply = (row: RecordRow, derived: Document = {}): Document & { id: string } => ({
  id: row.id,
  version: Number(row.version),
  ...row.document,
  ...derived,
  dtCreated: row.dt_created.toISOString(),
  dtLastModified: row.dt_last_modified.toISOString(),
  createdBy: row.created_by,
  lastModifiedBy: row.last_modified_by,
});

/** Whether a record's fields equal all of the scope's. */
export const isWithin = ({ document }: RecordRow, scope: Scope = {}): boolean =>
  Object.entries(scope).every(([field, value]) => document[field] === value);

export const isRecordId = (id: string): boolean => z.uuid().safeParse(id).success;

export const findRecord = async (
  reader: Reader,
  key: RecordKey,
  lock?: "for update" | "for share",
): Promise<RecordRow | undefined> => {
  if (!isRecordId(key.id)) return undefined;
  const query = reader
    .selectFrom("record")
    .selectAll()
    .where("org_id", "=", key.orgId)
    .where("kind", "=", key.kind)
    .where("id", "=", key.id);
  if (lock === undefined) return query.executeTakeFirst();
  return (lock === "for update" ? query.forUpdate() : query.forShare()).executeTakeFirst();
};

/** Every record of a kind among `ids`, in no order. */
export const findRecords = async (
  reader: Reader,
  { orgId, kind, ids }: { orgId: string; kind: string; ids: Iterable<string> },
): Promise<RecordRow[]> => {
  const wanted = [...new Set(ids)].filter(isRecordId);
  if (wanted.length === 0) return [];
  return reader
    .selectFrom("record")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("kind", "=", kind)
    .where(sql<boolean>`id = ANY(${wanted}::uuid[])`)
    .execute();
};

interface Link {
  readonly field: string;
  readonly kind: string;
  readonly id: string;
}

const texts = (value: unknown): string[] =>
  [value].flat().filter((one): one is string => typeof one === "string");

/** The record that a document lives under, when its declaration says so. */
export const parentOf = ({ within, references }: Resource, document: Document): string | null => {
  if (within === undefined || references[within] === undefined) return null;
  return String(document[within]);
};

/** What a document has at `field`, or at a `field.of.a.field`. */
const valueAt = (document: Document, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>((value, name) => (isDocument(value) ? value[name] : undefined), document);

const isDocument = (value: unknown): value is Document =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Every record that a document points to; a field may hold one id or a list of them. */
const linksOf = (resource: Resource, document: Document): Link[] =>
  Object.entries(resource.references).flatMap(([field, kind]) => {
    const value = valueAt(document, field);
    if (value === undefined) return [];
    return texts(value).map((id) => ({ field, kind, id }));
  });

/** Refuses a document that points to a record that is not there, naming the field. */
export const checkReferences = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { orgId, document }: { orgId: string; document: Document },
): Promise<void> => {
  const links = linksOf(resource, document);
  const kinds = [...new Set(links.map(({ kind }) => kind))];
  const existing = new Set<string>();
  for (const kind of kinds) {
    const ids = links.filter((link) => link.kind === kind).map(({ id }) => id);
    for (const row of await findRecords(transaction, { orgId, kind, ids })) {
      existing.add(`${kind} ${row.id}`);
    }
  }
  const missing = links.filter(({ kind, id }) => !existing.has(`${kind} ${id.toLowerCase()}`));
  if (missing.length === 0) return;
  if (missing.some(({ field }) => field === resource.within)) throw new Problem("NOT_FOUND");
  throw new Problem(
    "REFERENCE_NOT_FOUND",
    missing.map(({ field, kind, id }) => ({ field, message: `names no ${kind}: ${id}` })),
  );
};

/** Replaces what the reference and uniqueness tables say of a record. */
export const index = async (
  transaction: DatabaseTransaction,
  resource: Resource,
  { orgId, kind, id, document }: RecordKey & { document: Document },
): Promise<void> => {
  const own = { org_id: orgId, kind, id };
  const links = linksOf(resource, document).filter(({ field }) => field !== resource.within);
  if (links.length > 0) {
    await transaction
      .insertInto("reference")
      .values(
        links.map((link) => ({
          org_id: orgId,
          from_kind: kind,
          from_id: id,
          field: link.field,
          to_kind: link.kind,
          to_id: link.id,
        })),
      )
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  for (const fields of [["code"], ...(resource.unique ?? [])]) {
    const values = fields.flatMap((field) => document[field] ?? []);
    if (values.length < fields.length) continue;
    const value = values.map(String).join(" ");
    await claim(transaction, { ...own, field: fields.join(", "), value });
  }
};

const claim = async (
  transaction: DatabaseTransaction,
  row: { org_id: string; kind: string; id: string; field: string; value: string },
): Promise<void> => {
  const { numInsertedOrUpdatedRows } = await transaction
    .insertInto("unique_value")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows === 1n) return;
  const message = `is already used by another ${row.kind}: ${row.value}`;
  throw new Problem("DUPLICATE_VALUE", [{ field: row.field, message }]);
};

/** Forgets both before a record is written again. */
export const unindex = async (
  transaction: DatabaseTransaction,
  { orgId, kind, id }: RecordKey,
): Promise<void> => {
  await transaction
    .deleteFrom("reference")
    .where("org_id", "=", orgId)
    .where("from_kind", "=", kind)
    .where("from_id", "=", id)
    .execute();
  await transaction
    .deleteFrom("unique_value")
    .where("org_id", "=", orgId)
    .where("kind", "=", kind)
    .where("id", "=", id)
    .execute();
};

/** Refuses to remove a record that others point to, naming one of them. */
export const checkUnused = async (
  transaction: DatabaseTransaction,
  { orgId, kind, id }: RecordKey,
): Promise<void> => {
  const user = await transaction
    .selectFrom("reference")
    .select(["from_kind", "from_id", "field"])
    .where("org_id", "=", orgId)
    .where("to_kind", "=", kind)
    .where("to_id", "=", id)
    .limit(1)
    .executeTakeFirst();
  if (user === undefined) return;
  const message = `is named as ${user.field} by ${user.from_kind} ${user.from_id}`;
  throw new Problem("RECORD_IN_USE", [{ field: "id", message }]);
};
