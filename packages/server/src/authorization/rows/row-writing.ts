import * as arrays from "./binary-arrays.ts";
import { jsonText } from "./json-text.ts";
import type { Statement, Value } from "./packet.ts";
import { RowBytes } from "./row-copy.ts";

/** A column of rows to write: its type in the arrays, and what it becomes in the table when that differs. */
export interface Column<Row> {
  readonly name: string;
  readonly type: arrays.ElementType;
  readonly becomes?: "json";
  readonly of: (row: Row) => unknown;
  readonly encode: (rows: readonly Row[]) => Buffer;
}

/** A column that rows of a COPY can have. */
export interface CopyColumn<Row> extends Column<Row> {
  readonly put: (bytes: RowBytes, row: Row) => void;
}

const column =
  <Element>(type: arrays.ElementType, encode: (values: readonly Element[]) => Buffer) =>
  <Row>(name: string, of: (row: Row) => Element): Column<Row> => ({
    name,
    type,
    of,
    encode: (rows) => encode(rows.map(of)),
  });

export const flag = column<boolean>("boolean", arrays.booleanArray);
export const count = column<number>("integer", arrays.integerArray);

export const text = <Row>(name: string, of: (row: Row) => string | null): CopyColumn<Row> => ({
  ...column("text", arrays.textArray)(name, of),
  put: (bytes, row) => bytes.text(of(row)),
});
export const exact = <Row>(name: string, of: (row: Row) => bigint): CopyColumn<Row> => ({
  ...column("numeric", arrays.numericArray)(name, of),
  put: (bytes, row) => bytes.numeric(of(row)),
});
export const time = <Row>(name: string, of: (row: Row) => number | null): CopyColumn<Row> => ({
  ...column("bigint", arrays.bigintArray)(name, of),
  put: (bytes, row) => bytes.time(of(row)),
});

/** JSON in a `text` column, which PostgreSQL does not check; of values without a bigint anywhere. */
export const plainAsText = <Row>(name: string, of: (row: Row) => unknown): CopyColumn<Row> =>
  text(name, (row) => JSON.stringify(of(row)));
export const json = <Row>(name: string, of: (row: Row) => unknown): Column<Row> => ({
  ...text(name, (row: Row) => jsonText(of(row))),
  becomes: "json",
});

export interface Table<Row> {
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  /** What follows ON CONFLICT; without it, a row that is there already fails the batch. */
  readonly onConflict?: string;
}

/** A table whose new rows come in numbers: a row that is there already fails the batch. */
export interface CopyTable<Row> {
  readonly name: string;
  readonly columns: readonly CopyColumn<Row>[];
}

/** How rows that are there, and known, are changed. */
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
  /** Of an update: the rows that must be there, counted by what it returns. */
  readonly updates?: { readonly table: string; readonly rows: number };
}

const unnested = <Row>(columns: readonly Column<Row>[], first: number): string =>
  `unnest(${columns.map(({ type }, index) => `$${first + index}::${type}[]`).join(", ")})`;

const namesOf = <Row>(columns: readonly Column<Row>[]): string =>
  columns.map(({ name }) => name).join(", ");

const valueSql = <Row>({ name, becomes }: Column<Row>): string =>
  `row.${name}${becomes === undefined ? "" : `::${becomes}`}`;

export const inserted = <Row>(
  { name, columns, onConflict }: Table<Row>,
  rows: readonly Row[],
): Part[] => {
  if (rows.length === 0) return [];
  const names = namesOf(columns);
  const tail = onConflict === undefined ? "" : ` ON CONFLICT ${onConflict}`;
  return [
    {
      sql: (first) =>
        `INSERT INTO ${name} (org_id, ${names}) SELECT $1::uuid, ${columns.map(valueSql).join(", ")} ` +
        `FROM ${unnested(columns, first)} WITH ORDINALITY AS row (${names}, nth) ORDER BY nth${tail}`,
      arrays: columns.map(({ encode }) => encode(rows)),
    },
  ];
};

/** UPDATE by primary key: an upsert looks each row up, locks it and then writes it. */
export const updated = <Row extends { readonly id: string }>(
  table: Known<Row>,
  rows: readonly Row[],
  known: ReadonlyMap<string, Row>,
): Part[] => {
  if (rows.length === 0) return [];
  const changed = changedColumns(table, rows, known);
  return [updating(table, { rows, sent: [...table.key, ...changed], set: changed, where: [] })];
};

/**
 * UPDATE of rows that still are what they were known as, which locks them in the order of `rows`: when one is not, the
 * batch fails. `condition` is of the stored row.
 */
export const swapped = <Row extends { readonly id: string }>(
  table: Known<Row>,
  rows: readonly Row[],
  { known, condition }: { readonly known: ReadonlyMap<string, Row>; readonly condition?: string },
): Part[] => {
  if (rows.length === 0) return [];
  const changed = changedColumns(table, rows, known);
  const before = table.moved.map((one) => beforeOf(one, known));
  const sent = [...table.key, ...changed, ...before];
  const isSame = table.moved.map(({ name }) => `stored.${name} = row.was_${name}`);
  const where = condition === undefined ? isSame : [...isSame, condition];
  return [updating(table, { rows, sent, set: changed, where })];
};

/** The columns that any of the rows changes. */
const changedColumns = <Row extends { readonly id: string }>(
  { moved, seldom }: Known<Row>,
  rows: readonly Row[],
  known: ReadonlyMap<string, Row>,
): readonly Column<Row>[] => {
  const isPlain = rows.every((row) => {
    const before = known.get(row.id);
    return before !== undefined && seldom.every(({ of }) => of(row) === of(before));
  });
  return isPlain ? moved : [...moved, ...seldom];
};

/** A column of what rows were known as. */
const beforeOf = <Row extends { readonly id: string }>(
  { name, type, of, encode }: Column<Row>,
  known: ReadonlyMap<string, Row>,
): Column<Row> => {
  const before = (row: Row): Row => known.get(row.id) ?? row;
  return {
    name: `was_${name}`,
    type,
    of: (row) => of(before(row)),
    encode: (rows) => encode(rows.map(before)),
  };
};

interface Update<Row> {
  readonly rows: readonly Row[];
  readonly sent: readonly Column<Row>[];
  readonly set: readonly Column<Row>[];
  readonly where: readonly string[];
}

const updating = <Row>(
  { name, key }: Known<Row>,
  { rows, sent, set, where }: Update<Row>,
): Part => {
  const assigned = set.map((one) => `${one.name} = ${valueSql(one)}`).join(", ");
  const keys = key.map((one) => `stored.${one.name} = row.${one.name}`);
  const conditions = ["stored.org_id = $1::uuid", ...keys, ...where].join(" AND ");
  return {
    sql: (first) =>
      `UPDATE ${name} AS stored SET ${assigned} FROM ${unnested(sent, first)} AS row (${namesOf(sent)}) ` +
      `WHERE ${conditions} RETURNING 1`,
    arrays: sent.map(({ encode }) => encode(rows)),
    updates: { table: name, rows: rows.length },
  };
};

export const copied = <Row>(
  { name, columns }: CopyTable<Row>,
  orgId: string,
  rows: readonly Row[],
): Statement[] => {
  if (rows.length === 0) return [];
  const organization = Buffer.from(orgId.replaceAll("-", ""), "hex");
  const bytes = new RowBytes(rows.length);
  for (const row of rows) {
    bytes.row(columns.length + 1);
    bytes.bytes(organization);
    for (const { put } of columns) put(bytes, row);
  }
  const statement = `COPY ${name} (org_id, ${namesOf(columns)}) FROM STDIN (FORMAT binary)`;
  return [{ name: nameOf(statement), text: statement, rows: bytes.message() }];
};

/**
 * All parts as one statement, which fails when a row that was loaded is not there to be updated. The same tables and
 * columns make the same text, which is prepared once per connection.
 */
export const statementOf = (orgId: string, parts: readonly Part[]): Statement => {
  const values: Value[] = [orgId];
  const writes: string[] = [];
  const checks: string[] = [];
  for (const [nth, { sql, arrays: own, updates }] of parts.entries()) {
    writes.push(`w${nth} AS (${sql(values.length + 1)})`);
    values.push(...own);
    if (updates === undefined) continue;
    values.push(updates.rows);
    checks.push(checkSql(`w${nth}`, updates.table, values.length));
  }
  const statement = `WITH ${writes.join(", ")} SELECT ${checks.join(", ")}`;
  return { text: statement, name: nameOf(statement), values };
};

/** Text that is no number fails, and says what it says. */
const checkSql = (update: string, table: string, expected: number): string =>
  `(SELECT CASE WHEN count(*) = $${expected}::integer THEN 0
     ELSE ('updated ' || count(*) || ' rows of ${table}, not all')::integer END FROM ${update})`;

const names = new Map<string, string>();

/** A short name for a prepared statement; there are as many as combinations that occur. */
const nameOf = (statement: string): string => {
  const known = names.get(statement);
  if (known !== undefined) return known;
  const name = `ledger-write-${names.size}`;
  names.set(statement, name);
  return name;
};
