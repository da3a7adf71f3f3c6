import { customField } from "@turnpike/contract/accounts/custom-field.ts";
import { lookupTable } from "@turnpike/contract/catalog/lookup-table.ts";
import { lookupTableRevision } from "@turnpike/contract/catalog/lookup-table-revision.ts";
import type { CustomFieldEntity } from "@turnpike/engine/calculation/syntax.ts";
import type { LookupTableSchema } from "@turnpike/engine/calculation/validation.ts";
import type { DatabaseTransaction } from "../ports/database.ts";
import { lookup, lookupAll } from "../records/lookup.ts";

interface Reader {
  readonly transaction: DatabaseTransaction;
  readonly orgId: string;
}

/** The custom fields that a calculation may name: those with a default at the organization (m3ter semantics 2.10). */
export const customFieldsOf = async (
  { transaction, orgId }: Reader,
  entities: readonly CustomFieldEntity[],
): Promise<ReadonlyMap<CustomFieldEntity, ReadonlySet<string>>> => {
  const defaults = await lookup(transaction, customField, { orgId, id: orgId });
  return new Map(
    entities.map((entity) => [entity, new Set(Object.keys(defaults?.[entity] ?? {}))]),
  );
};

/** The schema of every table's published revision, by the table's code (m3ter semantics 8). */
export const publishedTables = async ({
  transaction,
  orgId,
}: Reader): Promise<ReadonlyMap<string, LookupTableSchema>> => {
  const rows = await transaction
    .selectFrom("record")
    .select(["id", "parent_id", "document"])
    .where("org_id", "=", orgId)
    .where("kind", "=", lookupTableRevision.kind)
    .execute();
  const published = rows.filter(({ document }) => document["status"] === "PUBLISHED");
  const ids = published.flatMap(({ parent_id }) => parent_id ?? []);
  const tables = await lookupAll(transaction, lookupTable, { orgId, ids });
  return new Map(
    published.map(({ parent_id, document }) => {
      const { fields, keys } = lookupTableRevision.fields.parse(document);
      const types = new Map(fields.map(({ name, type }) => [name, type]));
      return [tables.get(parent_id ?? "")?.code ?? "", { fields: types, keys }];
    }),
  );
};
