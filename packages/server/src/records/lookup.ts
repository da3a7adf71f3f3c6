import { sql } from "kysely";
import { z } from "zod";
import type { Resource, Stored } from "@turnpike/contract/resource.ts";
import type { DatabaseTransaction, Reader } from "../ports/database.ts";
import { findRecord, findRecords, type RecordRow, toReply } from "./records.ts";

/** Stored documents passed their schema when they were written, so the type is known and not checked again. */
export const typed = <R extends Resource>(_resource: R, row: RecordRow): Stored<R> =>
  z.custom<Stored<R>>().parse(toReply(row));

/** A record of a known kind by its id. */
export const lookup = async <R extends Resource>(
  reader: Reader,
  resource: R,
  { orgId, id }: { orgId: string; id: string },
): Promise<Stored<R> | undefined> => {
  const row = await findRecord(reader, { orgId, kind: resource.kind, id });
  return row === undefined ? undefined : typed(resource, row);
};

/** The same for many, by id. */
export const lookupAll = async <R extends Resource>(
  reader: Reader,
  resource: R,
  { orgId, ids }: { orgId: string; ids: Iterable<string> },
): Promise<Map<string, Stored<R>>> => {
  const rows = await findRecords(reader, { orgId, kind: resource.kind, ids });
  return new Map(rows.map((row) => [row.id, typed(resource, row)]));
};

/** Every record that names `id` in `field`, oldest first. */
export const lookupReferring = async <R extends Resource>(
  reader: Reader,
  resource: R,
  { orgId, field, ids }: { orgId: string; field: string; ids: readonly string[] },
): Promise<Stored<R>[]> => {
  if (ids.length === 0) return [];
  const rows = await reader
    .selectFrom("record")
    .selectAll("record")
    .innerJoin("reference", (join) =>
      join
        .onRef("reference.org_id", "=", "record.org_id")
        .onRef("reference.from_kind", "=", "record.kind")
        .onRef("reference.from_id", "=", "record.id"),
    )
    .where("record.org_id", "=", orgId)
    .where("record.kind", "=", resource.kind)
    .where("reference.field", "=", field)
    .where(sql<boolean>`reference.to_id = ANY(${ids}::uuid[])`)
    .orderBy("record.dt_created")
    .orderBy("record.id")
    .execute();
  return rows.map((row) => typed(resource, row));
};

/** Whether any record of the kind names one of `ids` in `field`. */
export const isReferred = async (
  reader: Reader,
  { kind }: Resource,
  { orgId, field, ids }: { orgId: string; field: string; ids: readonly string[] },
): Promise<boolean> => {
  if (ids.length === 0) return false;
  const found = await reader
    .selectFrom("reference")
    .select("from_id")
    .where("org_id", "=", orgId)
    .where("from_kind", "=", kind)
    .where("field", "=", field)
    .where(sql<boolean>`to_id = ANY(${ids}::uuid[])`)
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
};

/** Every record with one of the codes, in no order. */
export const lookupCodes = async <R extends Resource>(
  reader: Reader,
  resource: R,
  { orgId, codes }: { orgId: string; codes: readonly string[] },
): Promise<Stored<R>[]> => {
  if (codes.length === 0) return [];
  const rows = await reader
    .selectFrom("record")
    .selectAll("record")
    .innerJoin("unique_value", (join) =>
      join
        .onRef("unique_value.org_id", "=", "record.org_id")
        .onRef("unique_value.kind", "=", "record.kind")
        .onRef("unique_value.id", "=", "record.id"),
    )
    .where("unique_value.org_id", "=", orgId)
    .where("unique_value.kind", "=", resource.kind)
    .where("unique_value.field", "=", "code")
    .where(sql<boolean>`unique_value.value = ANY(${codes}::text[])`)
    .execute();
  return rows.map((row) => typed(resource, row));
};

/** Every record that lives under another one, oldest first. */
export const lookupChildren = async <R extends Resource>(
  reader: Reader,
  resource: R,
  { orgId, id }: { orgId: string; id: string },
): Promise<Stored<R>[]> => {
  const rows = await reader
    .selectFrom("record")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("kind", "=", resource.kind)
    .where("parent_id", "=", id)
    .orderBy("dt_created")
    .orderBy("id")
    .execute();
  return rows.map((row) => typed(resource, row));
};

/** Takes the write lock of a record, so that writers who check the same thing take turns. */
export const lock = async (
  transaction: DatabaseTransaction,
  key: { orgId: string; kind: string; id: string },
): Promise<void> => {
  await findRecord(transaction, key, "for update");
};

/** Keeps a record as it is until the transaction ends, for writers who rely on it; any number may hold it at once. */
export const hold = async (
  transaction: DatabaseTransaction,
  key: { orgId: string; kind: string; id: string },
): Promise<void> => {
  await findRecord(transaction, key, "for share");
};

/** Every record of a kind, for the kinds that an organization has few of. */
export const lookupEvery = async <R extends Resource>(
  reader: Reader,
  resource: R,
  orgId: string,
): Promise<Stored<R>[]> => {
  const rows = await reader
    .selectFrom("record")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("kind", "=", resource.kind)
    .orderBy("dt_created")
    .orderBy("id")
    .execute();
  return rows.map((row) => typed(resource, row));
};
