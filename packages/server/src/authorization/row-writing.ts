import * as arrays from "./binary-arrays.ts";
import { jsonText } from "./json-text.ts";

/** What a column holds in most new rows: such columns are only sent when some row of a batch has more there. */
type Nothing = 0n | null;

/** A column of rows to write: its type in the arrays, and what it becomes in the table when that differs. */
export interface Column<Row> {
  readonly name: string;
  readonly type: arrays.ElementType;
  readonly becomes?: "json";
  readonly nothing?: Nothing;
  readonly of: (row: Row) => unknown;
  readonly encode: (rows: readonly Row[]) => Buffer;
}

const column =
  <Value>(type: arrays.ElementType, encode: (values: readonly Value[]) => Buffer) =>
  <Row>(name: string, of: (row: Row) => Value): Column<Row> => ({
    name,
    type,
    of,
    encode: (rows) => encode(rows.map(of)),
  });

export const text = column<string | null>("text", arrays.textArray);
export const exact = column<bigint>("numeric", arrays.numericArray);
export const time = column<number | null>("bigint", arrays.bigintArray);
export const flag = column<boolean>("boolean", arrays.booleanArray);
export const count = column<number>("integer", arrays.integerArray);

/** JSON in a `text` column, which PostgreSQL does not check again. */
export const jsonAsText = <Row>(name: string, of: (row: Row) => unknown): Column<Row> =>
  text(name, (row) => jsonText(of(row)));
/** The same of values without a bigint anywhere, which the engine of the language prints faster. */
export const plainAsText = <Row>(name: string, of: (row: Row) => unknown): Column<Row> =>
  text(name, (row) => JSON.stringify(of(row)));
export const json = <Row>(name: string, of: (row: Row) => unknown): Column<Row> => ({
  ...jsonAsText(name, of),
  becomes: "json",
});

export const mostlyZero = <Row>(name: string, of: (row: Row) => bigint): Column<Row> => ({
  ...exact(name, of),
  nothing: 0n,
});
export const mostlyNoTime = <Row>(name: string, of: (row: Row) => number | null): Column<Row> => ({
  ...time(name, of),
  nothing: null,
});

export interface Table<Row> {
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  /** What follows ON CONFLICT; without it, a row that is there already fails the batch. */
  readonly onConflict?: string;
}

/** How rows that are there, locked and loaded, are changed. */
export interface Known<Row> {
  readonly name: string;
  readonly key: readonly Column<Row>[];
  /** What nearly every change moves. */
  readonly moved: readonly Column<Row>[];
  /** What a batch sends only when it changes some of it. */
  readonly seldom: readonly Column<Row>[];
}

/** Overwrites what is there, of a table whose primary key is the organization and `key`. */
export const overwrite = (key: string, columns: readonly string[]): string =>
  `(org_id, ${key}) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(", ")}`;

/** The rows of one table that a batch writes: a statement, its arrays beginning at parameter `first`. */
export interface Part {
  readonly sql: (first: number) => string;
  readonly arrays: readonly Buffer[];
}

const unnested = <Row>(columns: readonly Column<Row>[], first: number): string =>
  `unnest(${columns.map(({ type }, index) => `$${first + index}::${type}[]`).join(", ")})`;

const namesOf = <Row>(columns: readonly Column<Row>[]): string =>
  columns.map(({ name }) => name).join(", ");

const valueSql = <Row>({ name, becomes }: Column<Row>): string =>
  `row.${name}${becomes === undefined ? "" : `::${becomes}`}`;

const nothingSql = <Row>({ nothing }: Column<Row>): string => (nothing === null ? "NULL" : "0");

export const inserted = <Row>(table: Table<Row>, rows: readonly Row[]): Part[] => {
  if (rows.length === 0) return [];
  const optional = table.columns.filter(({ nothing }) => nothing !== undefined);
  const isPlain = rows.every((row) => optional.every(({ of, nothing }) => of(row) === nothing));
  const left = isPlain ? optional : [];
  const sent = isPlain
    ? table.columns.filter(({ nothing }) => nothing === undefined)
    : table.columns;
  return [
    {
      sql: (first) => {
        const tail = table.onConflict === undefined ? "" : ` ON CONFLICT ${table.onConflict}`;
        const values = [...sent.map(valueSql), ...left.map(nothingSql)].join(", ");
        return (
          `INSERT INTO ${table.name} (org_id, ${namesOf([...sent, ...left])}) SELECT $1::uuid, ${values} ` +
          `FROM ${unnested(sent, first)} WITH ORDINALITY AS row (${namesOf(sent)}, nth) ORDER BY nth${tail}`
        );
      },
      arrays: sent.map(({ encode }) => encode(rows)),
    },
  ];
};

/** UPDATE by primary key: an upsert looks each row up, locks it and then writes it. */
export const updated = <Row extends { readonly id: string }>(
  { name, key, moved, seldom }: Known<Row>,
  rows: readonly Row[],
  known: ReadonlyMap<string, Row>,
): Part[] => {
  if (rows.length === 0) return [];
  const isPlain = rows.every((row) => {
    const before = known.get(row.id);
    return before !== undefined && seldom.every(({ of }) => of(row) === of(before));
  });
  const changed = isPlain ? moved : [...moved, ...seldom];
  const sent = [...key, ...changed];
  return [
    {
      sql: (first) =>
        `UPDATE ${name} AS stored SET ${changed.map((one) => `${one.name} = ${valueSql(one)}`).join(", ")} ` +
        `FROM ${unnested(sent, first)} AS row (${namesOf(sent)}) WHERE stored.org_id = $1::uuid ` +
        key.map((one) => `AND stored.${one.name} = row.${one.name}`).join(" "),
      arrays: sent.map(({ encode }) => encode(rows)),
    },
  ];
};

/** All parts as one statement. The same tables and columns make the same text, which is prepared once per connection. */
export const statementOf = (orgId: string, parts: readonly Part[]) => {
  const values: unknown[] = [orgId];
  const writes: string[] = [];
  for (const part of parts) {
    writes.push(part.sql(values.length + 1));
    values.push(...part.arrays);
  }
  const last = writes.pop() ?? "";
  const before = writes.map((write, index) => `w${index} AS (${write})`).join(", ");
  const statement = before === "" ? last : `WITH ${before} ${last}`;
  return { text: statement, name: nameOf(statement), values };
};

const names = new Map<string, string>();

/** A short name for a prepared statement; there are as many as combinations that occur. */
const nameOf = (statement: string): string => {
  const known = names.get(statement);
  if (known !== undefined) return known;
  const name = `ledger-write-${names.size}`;
  names.set(statement, name);
  return name;
};
