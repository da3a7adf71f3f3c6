import { sql } from "kysely";
import { lookupTable } from "@turnpike/contract/catalog/lookup-table.ts";
import {
  type LookupField,
  lookupTableRevision,
  type RevisionStatus,
} from "@turnpike/contract/catalog/lookup-table-revision.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { DatabaseTransaction, Document, Reader } from "../ports/database.ts";
import { typed } from "../records/lookup.ts";
import { lookupKeyText } from "../records/lookup-key-text.ts";
import { findRecord, isWithin } from "../records/records.ts";

type Item = Readonly<Record<string, unknown>>;

export type Revision = Stored<typeof lookupTableRevision> & { readonly status: RevisionStatus };

/** The revision in the path, which must be the path's table's. */
export const revisionInPath = async (
  reader: Reader,
  orgId: string,
  params: Readonly<Record<string, string>>,
): Promise<Revision> => {
  const { lookupTableId = "" } = params;
  const id = params["lookupTableRevisionId"] ?? params["id"] ?? "";
  const row = await findRecord(reader, { orgId, kind: lookupTableRevision.kind, id });
  if (row === undefined || !isWithin(row, { lookupTableId })) throw new Problem("NOT_FOUND");
  return { status: "DRAFT", ...typed(lookupTableRevision, row) };
};

/** Takes the lock of the table, so that its revisions are published and filled one at a time. */
export const lockTable = async (
  transaction: DatabaseTransaction,
  orgId: string,
  { lookupTableId }: Revision,
): Promise<void> => {
  await findRecord(transaction, { orgId, kind: lookupTable.kind, id: lookupTableId }, "for update");
};

/** Only a draft's data may change (m3ter semantics 8). */
export const checkDraft = ({ status }: Revision): void => {
  if (status === "DRAFT") return;
  throw fieldProblem("RULE_VIOLATED", "status", `is ${status}: only a DRAFT's data may be changed`);
};

const fieldMessage = (field: LookupField, value: unknown, isKey: boolean): string | undefined => {
  if (value === undefined || value === null) return isKey ? "is a key and required" : undefined;
  const wanted = field.type === "NUMBER" ? "number" : "string";
  return typeof value === wanted ? undefined : `must be a ${wanted}`;
};

/** The item as the schema reads it: every key, no unknown field, each of its type. */
export const checkItem = (revision: Revision, item: Item, path: string): Item => {
  const known = new Set(revision.fields.map(({ name }) => name));
  const unknown = Object.keys(item).find((name) => !known.has(name) && name !== "lookupKey");
  if (unknown !== undefined) {
    throw fieldProblem("VALIDATION_FAILED", `${path}.${unknown}`, "is not a field of the revision");
  }
  for (const field of revision.fields) {
    const message = fieldMessage(field, item[field.name], revision.keys.includes(field.name));
    if (message !== undefined) {
      throw fieldProblem("VALIDATION_FAILED", `${path}.${field.name}`, message);
    }
  }
  const { lookupKey: _derived, ...fields } = item;
  return fields;
};

export const keyOf = ({ keys }: Revision, item: Item): string =>
  lookupKeyText(keys.map((key) => String(item[key])));

/** `UK,standard` of a path; a single key may hold commas. */
export const keyInPath = ({ keys }: Revision, lookupKey: string): string => {
  const parts = keys.length === 1 ? [lookupKey] : lookupKey.split(",").map((part) => part.trim());
  if (parts.length === keys.length) return lookupKeyText(parts);
  throw fieldProblem("VALIDATION_FAILED", "lookupKey", `must be ${keys.length} values`);
};

/** The rows with their data's own version, as m3ter answers them. */
export const readData = async (
  reader: Reader,
  { orgId, revision, ...wanted }: DataQuery,
): Promise<Document> => {
  const head = await reader
    .selectFrom("lookup_data")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("revision_id", "=", revision.id)
    .executeTakeFirst();
  const items = await readItems(reader, { orgId, revision, ...wanted });
  if (head === undefined) return { items };
  return {
    items,
    version: Number(head.version),
    dtCreated: head.dt_created.toISOString(),
    dtLastModified: head.dt_last_modified.toISOString(),
    createdBy: head.created_by,
    lastModifiedBy: head.last_modified_by,
  };
};

interface DataQuery {
  readonly orgId: string;
  readonly revision: Revision;
  readonly limit: number;
  /** Only the row with this key. */
  readonly key?: string | undefined;
  /** Adds each row's key as the path of its own routes wants it. */
  readonly showsKey?: boolean;
}

const keyText = (stored: string): string => {
  const values: unknown = JSON.parse(stored);
  return Array.isArray(values) ? values.join(",") : "";
};

const rowsPerPage = 2_000;

/** Every row in the order of the keys, a page at a time. */
export async function* allItems(
  reader: Reader,
  { orgId, revision }: Pick<DataQuery, "orgId" | "revision">,
): AsyncGenerator<readonly Item[]> {
  let after: string | undefined;
  for (;;) {
    const page = reader
      .selectFrom("lookup_item")
      .select(["item", "lookup_key"])
      .where("org_id", "=", orgId)
      .where("revision_id", "=", revision.id)
      .orderBy("lookup_key")
      .limit(rowsPerPage);
    const rows = await (
      after === undefined ? page : page.where("lookup_key", ">", after)
    ).execute();
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map(({ item }) => item);
    after = last.lookup_key;
  }
}

const readItems = async (
  reader: Reader,
  { orgId, revision, limit, key, showsKey }: DataQuery,
): Promise<Item[]> => {
  const query = reader
    .selectFrom("lookup_item")
    .select(["item", "lookup_key"])
    .where("org_id", "=", orgId)
    .where("revision_id", "=", revision.id)
    .orderBy("lookup_key")
    .limit(limit);
  const rows = await (key === undefined ? query : query.where("lookup_key", "=", key)).execute();
  return rows.map(({ item, lookup_key }) =>
    showsKey === true ? { ...item, lookupKey: keyText(lookup_key) } : item,
  );
};

interface DataChange {
  readonly orgId: string;
  readonly revision: Revision;
  readonly principal: string;
  readonly at: Date;
  /** What the client believes the data's version to be; without data there is none. */
  readonly version?: number | undefined;
}

/** Counts the data's version up; VERSION_MISMATCH when it is not the stored one. */
export const touchData = async (
  transaction: DatabaseTransaction,
  { orgId, revision, principal, at, version }: DataChange,
): Promise<void> => {
  const stored = await transaction
    .selectFrom("lookup_data")
    .select("version")
    .where("org_id", "=", orgId)
    .where("revision_id", "=", revision.id)
    .forUpdate()
    .executeTakeFirst();
  const known = stored === undefined ? undefined : Number(stored.version);
  if (version !== known && !(known === undefined && version === 0)) {
    const message = `is ${version ?? "absent"}, but the stored version is ${known ?? "absent"}`;
    throw fieldProblem("VERSION_MISMATCH", "version", message);
  }
  const next = {
    version: (known ?? 0) + 1,
    dt_last_modified: at,
    last_modified_by: principal,
  };
  await transaction
    .insertInto("lookup_data")
    .values({
      org_id: orgId,
      revision_id: revision.id,
      dt_created: at,
      created_by: principal,
      ...next,
    })
    .onConflict((conflict) => conflict.columns(["org_id", "revision_id"]).doUpdateSet(next))
    .execute();
};

/** Adds rows whose keys are not there yet; `first` is the place of the first one among all that come. */
export const putItems = async (
  transaction: DatabaseTransaction,
  { orgId, revision, first = 0 }: Pick<DataChange, "orgId" | "revision"> & { first?: number },
  items: readonly Item[],
): Promise<void> => {
  const keys = items.map((item) => keyOf(revision, item));
  const seen = new Set<string>();
  const refuse = (index: number): Problem =>
    fieldProblem("VALIDATION_FAILED", `items[${first + index}]`, "repeats the keys of another");
  const repeated = keys.findIndex((key) => seen.size === seen.add(key).size);
  if (repeated >= 0) throw refuse(repeated);
  const { rows } = await sql<{ lookup_key: string }>`
    INSERT INTO lookup_item (org_id, revision_id, lookup_key, item)
    SELECT ${orgId}, ${revision.id}, given.key, given.item::jsonb
    FROM unnest(${keys}::text[], ${items.map((item) => JSON.stringify(item))}::text[]) AS given (key, item)
    ON CONFLICT (org_id, revision_id, lookup_key) DO NOTHING RETURNING lookup_key
  `.execute(transaction);
  if (rows.length === keys.length) return;
  const added = new Set(rows.map((row) => row.lookup_key));
  throw refuse(keys.findIndex((key) => !added.has(key)));
};

/** Removes one row, or all; how many there were. */
export const removeItems = async (
  transaction: DatabaseTransaction,
  { orgId, revision }: Pick<DataChange, "orgId" | "revision">,
  key?: string,
): Promise<number> => {
  const query = transaction
    .deleteFrom("lookup_item")
    .where("org_id", "=", orgId)
    .where("revision_id", "=", revision.id);
  const { numDeletedRows } = await (
    key === undefined ? query : query.where("lookup_key", "=", key)
  ).executeTakeFirst();
  return Number(numDeletedRows);
};

/** Copies every row of one revision over those of another of the same schema. */
export const copyItems = async (
  transaction: DatabaseTransaction,
  { orgId, from, to }: { orgId: string; from: string; to: string },
): Promise<void> => {
  await sql`
    INSERT INTO lookup_item (org_id, revision_id, lookup_key, item)
    SELECT org_id, ${to}, lookup_key, item FROM lookup_item
    WHERE org_id = ${orgId} AND revision_id = ${from}
  `.execute(transaction);
};
