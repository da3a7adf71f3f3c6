import { type RawBuilder, sql } from "kysely";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import { validate } from "@turnpike/contract/validation.ts";
import type { Database, DatabaseTransaction, Document } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { derivedFields } from "./derived.ts";
import { conditions, type KindOf, listQuery } from "./filters.ts";
import { decodePosition, type Page, pageOf } from "../records/paging.ts";
import { findRecord, type RecordRow, toReply } from "../records/records.ts";
import { erase, insert, recordChange, replace, type Written } from "./writes.ts";

export type Reply = Document & { readonly id: string };

/** The verbs that serve every declared resource. A Problem says why not. */
export interface Catalog {
  readonly create: (resource: Resource, caller: Caller, body: unknown) => Promise<Reply>;
  readonly retrieve: (resource: Resource, caller: Caller, id: string) => Promise<Reply>;
  readonly update: (
    resource: Resource,
    caller: Caller,
    change: { id: string; body: unknown },
  ) => Promise<Reply>;
  readonly list: (
    resource: Resource,
    caller: Caller,
    query: Readonly<Record<string, unknown>>,
  ) => Promise<Page<Reply>>;
  readonly remove: (resource: Resource, caller: Caller, id: string) => Promise<Reply>;
}

/** Told after a change is committed, before the client is. */
export type OnChange = (change: { orgId: string; kind: string }) => void;

export interface CatalogParts {
  readonly database: Database;
  readonly resources: readonly Resource[];
  readonly now: () => Date;
  readonly onChange: OnChange;
}

export const createCatalog = (parts: CatalogParts): Catalog => {
  const { database, now } = parts;
  const kindOf = referencedKinds(parts.resources);

  const toOneReply = async (
    reader: Database | DatabaseTransaction,
    resource: Resource,
    row: RecordRow,
  ): Promise<Reply> =>
    toReply(row, (await derivedFields(reader, { resource, rows: [row], kindOf })).get(row.id));

  const write = async (
    resource: Resource,
    caller: Caller,
    change: (transaction: DatabaseTransaction) => Promise<Written>,
  ): Promise<Reply> => {
    const reply = await database.transaction().execute(async (transaction) => {
      const written = await change(transaction);
      await recordChange(transaction, caller, { ...written, at: now() });
      return toOneReply(transaction, resource, written.row);
    });
    parts.onChange({ orgId: caller.orgId, kind: resource.kind });
    return reply;
  };

  return {
    create: (resource, caller, body) =>
      write(resource, caller, (transaction) =>
        insert(transaction, resource, { caller, body, at: now() }),
      ),
    update: (resource, caller, { id, body }) =>
      write(resource, caller, (transaction) =>
        replace(transaction, resource, { caller, id, body, at: now() }),
      ),
    remove: (resource, caller, id) =>
      write(resource, caller, (transaction) => erase(transaction, resource, { caller, id })),

    retrieve: async (resource, caller, id) => {
      const row = await findRecord(database, { orgId: caller.orgId, kind: resource.kind, id });
      if (row === undefined) throw new Problem("NOT_FOUND");
      return toOneReply(database, resource, row);
    },

    list: async (resource, { orgId }, given) => {
      const query = validate(listQuery(resource), given);
      const size = Number(query["pageSize"]);
      const page = pageOf(
        await select(
          database,
          [
            sql<boolean>`record.org_id = ${orgId} AND record.kind = ${resource.kind}`,
            ...conditions({ orgId, resource, query, now: now().toISOString(), kindOf }),
            ...after(query["nextToken"]),
          ],
          size + 1,
        ),
        size,
        (row) => ({ createdAt: row.dt_created.toISOString(), id: row.id }),
      );
      const derived = await derivedFields(database, { resource, rows: page.data, kindOf });
      return { ...page, data: page.data.map((row) => toReply(row, derived.get(row.id))) };
    },
  };
};

const select = async (
  database: Database,
  wanted: readonly RawBuilder<boolean>[],
  limit: number,
): Promise<RecordRow[]> => {
  const { rows } = await sql<RecordRow>`
    SELECT record.* FROM record WHERE ${sql.join(wanted, sql` AND `)}
    ORDER BY record.dt_created DESC, record.id DESC LIMIT ${limit}
  `.execute(database);
  return rows;
};

const after = (nextToken: unknown): RawBuilder<boolean>[] => {
  if (typeof nextToken !== "string" || nextToken === "") return [];
  const { createdAt, id } = decodePosition(nextToken);
  return [sql<boolean>`(record.dt_created, record.id) < (${createdAt}::timestamptz, ${id}::uuid)`];
};

/** `(kind, field) → kind`, as the declarations say; a declaration that names no such reference is a mistake. */
const referencedKinds = (resources: readonly Resource[]): KindOf => {
  const byKind = new Map(resources.map((resource) => [resource.kind, resource.references]));
  return (kind, field) => {
    const target = byKind.get(kind)?.[field];
    if (target === undefined) throw new Error(`${kind} declares no reference ${field}`);
    return target;
  };
};
