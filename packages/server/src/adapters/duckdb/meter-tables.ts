import { BIGINT, INTEGER, SMALLINT, TIMESTAMP, VARCHAR } from "@duckdb/node-api";
import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import type { MeterField } from "../../ports/usage-directory.ts";
import type { MeterLayout, UsageRows } from "../../ports/usage-log.ts";
import { numberCategories, stringCategories } from "../../ports/usage-store.ts";
import { integer, rowsOf, text } from "./cells.ts";
import { everywhereSql, generations } from "./database.ts";
import type { ColumnSource } from "./chunk-writer.ts";

const numeric: ReadonlySet<string> = new Set(numberCategories);

/** A field's place in its meter's table: `f<number>` holds text, or the mantissa with its scale in `f<number>_scale`. */
export interface FieldPlace extends MeterField {
  readonly number: number;
  readonly isNumeric: boolean;
}

/** One table per meter: a query reads its meter's columns only, and a row has no column of another meter. */
export interface MeterTable {
  readonly number: number;
  /** Of the table in the file, where rows stand in the order of accounts, and of those in memory. */
  readonly name: string;
  /** All of them: every row that was ever stored. */
  readonly storedName: string;
  /** What queries read: without the rows that corrections hide. */
  readonly rowsName: string;
  readonly orgId: string;
  readonly meterId: string;
  readonly fields: readonly FieldPlace[];
}

const namesOf = (number: number) => ({
  name: `usage_${number}`,
  storedName: `usage_${number}_stored`,
  rowsName: `usage_${number}_rows`,
});

const keyOf = (orgId: string, meterId: string): string => `${orgId}/${meterId}`;

export const mantissaColumn = ({ number }: FieldPlace): string => `f${number}`;
export const scaleColumn = ({ number }: FieldPlace): string => `f${number}_scale`;

const columnsOf = (field: FieldPlace): readonly string[] =>
  field.isNumeric
    ? [
        `${mantissaColumn(field)} BIGINT USING COMPRESSION bitpacking`,
        `${scaleColumn(field)} SMALLINT USING COMPRESSION rle`,
      ]
    : [`${mantissaColumn(field)} VARCHAR`];

/** The compression is named where one always wins: checkpoints need not try the others, which is half their time. */
const fixedColumns = [
  "position BIGINT USING COMPRESSION bitpacking",
  "account INTEGER USING COMPRESSION bitpacking",
  "ts TIMESTAMP USING COMPRESSION bitpacking",
  "ets TIMESTAMP USING COMPRESSION bitpacking",
  "uid VARCHAR USING COMPRESSION fsst",
  "extras VARCHAR",
];

export const columnTypes = ({ fields }: MeterTable): readonly DuckDBType[] => [
  BIGINT,
  INTEGER,
  TIMESTAMP,
  TIMESTAMP,
  VARCHAR,
  VARCHAR,
  ...fields.flatMap((field): readonly DuckDBType[] =>
    field.isNumeric ? [BIGINT, SMALLINT] : [VARCHAR],
  ),
];

/** The columns of a table, in its order, for rows whose layout may have fewer fields or another order. */
export const columnSources = (table: MeterTable, rows: UsageRows): readonly ColumnSource[] => [
  { kind: "int64", values: rows.positions },
  { kind: "int32", values: rows.accounts },
  { kind: "int64", values: rows.ts },
  { kind: "int64", values: rows.ets, present: rows.etsPresent },
  { kind: "text", values: rows.uids },
  { kind: "text", values: rows.extras },
  ...table.fields.flatMap((place) => fieldSources(place, rows)),
];

const fieldSources = (place: FieldPlace, rows: UsageRows): readonly ColumnSource[] => {
  const column = rows.fields[rows.layout.fields.findIndex((field) => isSame(field, place))];
  if (column === undefined) {
    return place.isNumeric ? [{ kind: "null" }, { kind: "null" }] : [{ kind: "null" }];
  }
  if (column.kind === "text") return [{ kind: "text", values: column }];
  return [
    { kind: "int64", values: column.mantissas, present: column.present },
    { kind: "int16", values: column.scales, present: column.present },
  ];
};

const isSame = (a: MeterField, b: MeterField): boolean =>
  a.code === b.code && a.category === b.category;

/** Which table and columns hold a meter's fields. A field that leaves its meter keeps its column. */
export class MeterTables {
  readonly #tables = new Map<string, MeterTable>();

  /** Reads what the file has tables for, and makes those in memory. */
  async load(connection: DuckDBConnection): Promise<void> {
    this.#tables.clear();
    const fields = await rowsOf(
      connection,
      "SELECT meter, number, code, category FROM kept.field ORDER BY meter, number",
    );
    const places = Map.groupBy(fields, ([meter]) => integer(meter));
    const meters = await rowsOf(connection, "SELECT number, org_id, meter_id FROM kept.meter");
    for (const [meter, orgId, meterId] of meters) {
      const number = integer(meter);
      this.#keep({
        number,
        ...namesOf(number),
        orgId: text(orgId),
        meterId: text(meterId),
        fields: (places.get(number) ?? []).map(placeOf),
      });
    }
    for (const table of this.all) await connection.run(recentTableSql(table));
  }

  get all(): readonly MeterTable[] {
    return [...this.#tables.values()];
  }

  find(orgId: string, meterId: string): MeterTable | undefined {
    return this.#tables.get(keyOf(orgId, meterId));
  }

  /** The table that can hold rows of the layout; undefined when it has to be created or widened first. */
  fitting(layout: MeterLayout): MeterTable | undefined {
    const table = this.find(layout.orgId, layout.meterId);
    return table !== undefined && missingIn(table, layout).length === 0 ? table : undefined;
  }

  /** Creates or widens the table for the layout, first in the file, then in memory. */
  async widen(connection: DuckDBConnection, layout: MeterLayout): Promise<void> {
    const known = this.find(layout.orgId, layout.meterId);
    const missing = missingIn(known, layout);
    const number = known?.number ?? this.#tables.size;
    const { orgId, meterId } = layout;
    const fields = [...(known?.fields ?? []), ...missing];
    const table: MeterTable = { number, ...namesOf(number), orgId, meterId, fields };
    await inTransaction(connection, async () => {
      await connection.run(
        known === undefined ? createSql("kept", table) : addSql("kept", { table, missing }),
      );
      if (known === undefined) {
        await connection.run("INSERT INTO kept.meter VALUES ($1, $2, $3)", [
          number,
          orgId,
          meterId,
        ]);
      }
      for (const field of missing) {
        const row = [number, field.number, field.code, field.category];
        await connection.run("INSERT INTO kept.field VALUES ($1, $2, $3, $4)", row);
      }
    });
    const inMemory =
      known === undefined
        ? recentTableSql(table)
        : [...generations.map((place) => addSql(place, { table, missing })), viewsSql(table)].join(
            "; ",
          );
    await inTransaction(connection, () => connection.run(inMemory));
    this.#keep(table);
  }

  #keep(table: MeterTable): void {
    this.#tables.set(keyOf(table.orgId, table.meterId), table);
  }
}

const categories = [...stringCategories, ...numberCategories];

const placeOf = ([, number, code, stored]: readonly DuckDBValue[]): FieldPlace => {
  const category = categories.find((known) => known === stored);
  if (category === undefined) throw new Error(`a stored field has the category ${text(stored)}`);
  return {
    number: integer(number),
    code: text(code),
    category,
    isNumeric: numeric.has(category),
  };
};

/** Fields of the layout that the table has no column for, with the columns that they will get. */
const missingIn = (table: MeterTable | undefined, layout: MeterLayout): readonly FieldPlace[] => {
  const present = table?.fields ?? [];
  return layout.fields
    .filter((field) => !present.some((place) => isSame(field, place)))
    .map((field, index) => ({
      ...field,
      number: present.length + index,
      isNumeric: numeric.has(field.category),
    }));
};

const createSql = (place: string, { name, fields }: MeterTable): string =>
  `CREATE TABLE ${place}.${name} (${[...fixedColumns, ...fields.flatMap(columnsOf)].join(", ")})`;

interface Widening {
  readonly table: MeterTable;
  readonly missing: readonly FieldPlace[];
}

const addSql = (place: string, { table, missing }: Widening): string =>
  missing
    .flatMap(columnsOf)
    .map((column) => `ALTER TABLE ${place}.${table.name} ADD COLUMN ${column}`)
    .join("; ");

const viewsSql = ({ name, storedName, rowsName }: MeterTable): string =>
  `CREATE OR REPLACE VIEW ${storedName} AS ${everywhereSql(name)};
   CREATE OR REPLACE VIEW ${rowsName} AS
   SELECT * FROM ${storedName} AS stored
   ANTI JOIN correction ON stored.position = correction.hides`;

/** The tables of both generations and the views over them and the file. */
const recentTableSql = (table: MeterTable): string =>
  [...generations.map((place) => createSql(place, table)), viewsSql(table)].join("; ");

/** Empties the table of a generation; what it held in memory is free once no query reads it. */
export const renewSql = (place: string, table: MeterTable): string =>
  `DROP TABLE ${place}.${table.name}; ${createSql(place, table)}`;

export const inTransaction = async (
  connection: DuckDBConnection,
  work: () => Promise<unknown>,
): Promise<void> => {
  await connection.run("BEGIN");
  try {
    await work();
    await connection.run("COMMIT");
  } catch (cause) {
    await connection.run("ROLLBACK").catch(() => undefined);
    throw cause;
  }
};
