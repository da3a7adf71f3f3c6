import type { Pool } from "pg";

/** As the catalog's own functions print it. */
interface Statement {
  readonly text: string;
}

interface Table {
  readonly name: string;
  readonly lines: readonly string[];
  readonly options: string | null;
}

/** Columns in their order, then constraints: keys, checks, references. A not-null stands with its column. */
const tables = `
  SELECT class.relname AS name, array_to_string(class.reloptions, ', ') AS options,
    (SELECT array_agg(line ORDER BY part, position, line) FROM (
      SELECT 1 AS part, attnum AS position, concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod),
        CASE WHEN attcollation = '"C"'::regcollation THEN 'COLLATE "C"' END,
        CASE WHEN attidentity <> '' THEN 'GENERATED ALWAYS AS IDENTITY' END,
        CASE WHEN attgenerated = 's' THEN 'GENERATED ALWAYS AS (' || pg_get_expr(adbin, adrelid) || ') STORED'
          WHEN adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(adbin, adrelid) END,
        CASE WHEN attnotnull THEN 'NOT NULL' END) AS line
      FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped
      UNION ALL
      SELECT 2, array_position(ARRAY['p', 'u', 'x', 'c', 'f']::"char"[], contype), pg_get_constraintdef(oid, true)
      FROM pg_constraint WHERE conrelid = class.oid AND contype IN ('p', 'u', 'x', 'c', 'f')
    ) parts) AS lines
  FROM pg_class class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname`;

/** Those that no constraint made. */
const indexes = `
  SELECT pg_get_indexdef(indexrelid) || ';' AS text FROM pg_index
  JOIN pg_class owner ON owner.oid = indrelid
  WHERE owner.relname = $1 AND owner.relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
  ORDER BY indexrelid::regclass::text`;

const triggers = `
  SELECT pg_get_triggerdef(trigger.oid) || ';' AS text FROM pg_trigger trigger
  JOIN pg_class owner ON owner.oid = tgrelid
  WHERE owner.relname = $1 AND owner.relnamespace = 'public'::regnamespace AND NOT tgisinternal ORDER BY tgname`;

const functions = `
  SELECT rtrim(pg_get_functiondef(oid), E'\\n') || ';' AS text FROM pg_proc
  WHERE pronamespace = 'public'::regnamespace ORDER BY proname`;

const views = `
  SELECT 'CREATE VIEW ' || quote_ident(relname) || E' AS\\n' || pg_get_viewdef(oid, true) AS text FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm') ORDER BY relname`;

const printTable = ({ name, lines, options }: Table): string =>
  `CREATE TABLE ${name} (\n${lines.map((line) => `  ${line}`).join(",\n")}\n)${
    options === null ? "" : ` WITH (${options})`
  };`;

/** The schema `public` of a database as SQL, in an order that depends on names only. */
export const printSchema = async (pool: Pool): Promise<string> => {
  const all = async (query: string, ...values: string[]): Promise<string[]> =>
    (await pool.query<Statement>(query, values)).rows.map(({ text }) => text);
  const blocks = await all(functions);
  for (const table of (await pool.query<Table>(tables)).rows) {
    const rest = [...(await all(indexes, table.name)), ...(await all(triggers, table.name))];
    blocks.push([printTable(table), ...rest].join("\n"));
  }
  return [...blocks, ...(await all(views))].join("\n\n").replaceAll("public.", "");
};
