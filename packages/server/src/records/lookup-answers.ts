import { sql } from "kysely";
import {
  type LookupAnswer,
  type LookupQuestion,
  printedKey,
} from "@turnpike/engine/calculation/lookup-answers.ts";
import type { Reader } from "../ports/database.ts";
import type { FoundRow, PrintedLookup } from "../ports/usage-directory.ts";
import { lookupKeyText } from "./lookup-key-text.ts";

/** The revision of a table that is published now ([R], m3ter semantics 8); its rows cannot change any more. */
interface Published {
  readonly table: string;
  readonly id: string;
  /** Of its data. */
  readonly version: number;
  readonly fields: readonly { readonly name: string }[];
}

const publishedRevisions = async (
  reader: Reader,
  orgId: string,
  tables: readonly string[],
): Promise<Map<string, Published>> => {
  const { rows } = await sql<Published>`
    SELECT code.value AS "table", revision.id, coalesce(data.version, 0)::integer AS version,
      revision.document->'fields' AS fields
    FROM unique_value code
      JOIN record revision ON revision.org_id = code.org_id AND revision.kind = 'lookupTableRevision'
        AND revision.parent_id = code.id AND revision.document->>'status' = 'PUBLISHED'
      LEFT JOIN lookup_data data ON data.org_id = code.org_id AND data.revision_id = revision.id
    WHERE code.org_id = ${orgId} AND code.kind = 'lookupTable' AND code.field = 'code'
      AND code.value = ANY(${tables})
  `.execute(reader);
  return new Map(rows.map((row) => [row.table, row]));
};

interface ItemRow {
  readonly revision_id: string;
  readonly lookup_key: string;
  readonly item: Readonly<Record<string, string | number | undefined>>;
}

/** What each lookup finds, in their order: two queries, however many there are. */
export const findLookupRows = async (
  reader: Reader,
  orgId: string,
  lookups: readonly PrintedLookup[],
): Promise<FoundRow[]> => {
  const tables = [...new Set(lookups.map(({ table }) => table))];
  const published = await publishedRevisions(reader, orgId, tables);
  const wanted = lookups.flatMap(({ table, keys }) => {
    const revision = published.get(table);
    return revision === undefined ? [] : [{ id: revision.id, key: lookupKeyText(keys) }];
  });
  const { rows } = await sql<ItemRow>`
    SELECT revision_id, lookup_key, item FROM lookup_item
    WHERE org_id = ${orgId} AND (revision_id, lookup_key) IN (
      SELECT * FROM unnest(${wanted.map(({ id }) => id)}::uuid[], ${wanted.map(({ key }) => key)}::text[])
    )
  `.execute(reader);
  const items = new Map(rows.map((row) => [`${row.revision_id} ${row.lookup_key}`, row.item]));
  return lookups.map(({ table, keys }) => {
    const revision = published.get(table);
    if (revision === undefined) return {};
    const { id, version, fields } = revision;
    const item = items.get(`${id} ${lookupKeyText(keys)}`);
    const row = item && Object.fromEntries(fields.map(({ name }) => [name, item[name] ?? null]));
    return { revision: { id, version }, row };
  });
};

/** The answer to each question of a calculation, in their order. */
export const findLookupAnswers = async (
  reader: Reader,
  orgId: string,
  questions: readonly LookupQuestion[],
): Promise<LookupAnswer[]> => {
  const lookups = questions.map(({ table, keys }) => ({ table, keys: keys.map(printedKey) }));
  const found = await findLookupRows(reader, orgId, lookups);
  return questions.map((question, index) => ({ ...question, ...found[index] }));
};
