import { sql } from "kysely";
import type { LookupQuestion } from "@turnpike/engine/bill/compound-quantity.ts";
import type { LookupAnswer } from "@turnpike/engine/bill/facts.ts";
import type { LookupKeyValue } from "@turnpike/engine/calculation/environment.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { lookupKeyText } from "../records/lookup-key-text.ts";
import type { Reader } from "./catalog-snapshot.ts";

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

/** Stored keys are printed as JSON numbers are; a number that none of them prints is in no row. */
const keyText = (key: LookupKeyValue): string => {
  if (typeof key !== "object") return String(key);
  const printed = String(Number(key.toString()));
  return decimal(printed).eq(key) ? printed : key.toString();
};

interface ItemRow {
  readonly revision_id: string;
  readonly lookup_key: string;
  readonly item: Readonly<Record<string, string | number | undefined>>;
}

/** The answer to each question, in their order: two queries, however many there are. */
export const findLookupAnswers = async (
  reader: Reader,
  orgId: string,
  questions: readonly LookupQuestion[],
): Promise<LookupAnswer[]> => {
  const tables = [...new Set(questions.map(({ table }) => table))];
  const published = await publishedRevisions(reader, orgId, tables);
  const wanted = questions.flatMap(({ table, keys }) => {
    const revision = published.get(table);
    return revision === undefined
      ? []
      : [{ id: revision.id, key: lookupKeyText(keys.map(keyText)) }];
  });
  const { rows } = await sql<ItemRow>`
    SELECT revision_id, lookup_key, item FROM lookup_item
    WHERE org_id = ${orgId} AND (revision_id, lookup_key) IN (
      SELECT * FROM unnest(${wanted.map(({ id }) => id)}::uuid[], ${wanted.map(({ key }) => key)}::text[])
    )
  `.execute(reader);
  const items = new Map(rows.map((row) => [`${row.revision_id} ${row.lookup_key}`, row.item]));
  return questions.map(({ table, keys }) => {
    const revision = published.get(table);
    if (revision === undefined) return { table, keys };
    const { id, version, fields } = revision;
    const item = items.get(`${id} ${lookupKeyText(keys.map(keyText))}`);
    const row = item && Object.fromEntries(fields.map(({ name }) => [name, item[name] ?? null]));
    return { table, keys, revision: { id, version }, row };
  });
};
