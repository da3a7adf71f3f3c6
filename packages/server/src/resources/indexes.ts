import { sql } from "kysely";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Database } from "../ports/database.ts";

/** Any number, the same in every server. */
const lockId = 7_466_052;

const indexNames = (resource: Resource): { name: string; field: string }[] => {
  const filtered = Object.values(resource.filters).flatMap((filter) =>
    filter.by === "field" || filter.by === "in" ? [filter.field] : [],
  );
  const viewed = Object.values(resource.views ?? {}).flatMap(({ match }) => Object.keys(match));
  return [...new Set([...filtered, ...viewed])].map((field) => ({
    name: `record_${resource.kind}_${field}`,
    field,
  }));
};

/** One index for each field that a declaration filters by, in the order in which lists are read. */
export const ensureIndexes = async (
  database: Database,
  resources: readonly Resource[],
): Promise<void> => {
  await database.transaction().execute(async (transaction) => {
    await sql`SELECT pg_advisory_xact_lock(${lockId})`.execute(transaction);
    for (const resource of resources) {
      for (const { name, field } of indexNames(resource)) {
        await sql`CREATE INDEX IF NOT EXISTS ${sql.id(name)} ON record
          (org_id, (document->>${sql.lit(field)}), dt_created DESC, id DESC)
          WHERE kind = ${sql.lit(resource.kind)}`.execute(transaction);
      }
    }
  });
};
