import { sql } from "kysely";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Database } from "../ports/database.ts";

/** Any number, the same in every server. */
const lockId = 7_466_052;

interface Index {
  readonly kind: string;
  readonly name: string;
  readonly field: string;
}

const indexesOf = ({ kind, filters, views = {} }: Resource): Index[] => {
  const filtered = Object.values(filters).flatMap((filter) =>
    filter.by === "field" || filter.by === "in" ? [filter.field] : [],
  );
  const viewed = Object.values(views).flatMap(({ match }) => Object.keys(match));
  const fields = [...new Set([...filtered, ...viewed])];
  return fields.map((field) => ({ kind, name: `record_${kind}_${field}`, field }));
};

/** Asked for first: to be told that an index is there already waits for who writes records, and others wait behind that. */
const missing = async (database: Database, indexes: readonly Index[]): Promise<Index[]> => {
  const { rows } = await sql<{ name: string }>`
    SELECT relname AS name FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = 'record'::regclass
  `.execute(database);
  const present = new Set(rows.map(({ name }) => name));
  return indexes.filter(({ name }) => !present.has(name));
};

/** One index for each field that a declaration filters by, in the order in which lists are read. */
export const ensureIndexes = async (
  database: Database,
  resources: readonly Resource[],
): Promise<void> => {
  const indexes = resources.flatMap(indexesOf);
  if ((await missing(database, indexes)).length === 0) return;
  await database.transaction().execute(async (transaction) => {
    await sql`SELECT pg_advisory_xact_lock(${lockId})`.execute(transaction);
    for (const { kind, name, field } of await missing(transaction, indexes))
      await sql`CREATE INDEX ${sql.id(name)} ON record
        (org_id, (document->>${sql.lit(field)}), dt_created DESC, id DESC)
        WHERE kind = ${sql.lit(kind)}`.execute(transaction);
  });
};
