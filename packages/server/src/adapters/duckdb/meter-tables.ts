import { BIGINT, INTEGER, SMALLINT, TIMESTAMP, VARCHAR } from "@duckdb/node-api";
import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import type { MeterField } from "../../ports/usage-directory.ts";
import type { MeterLayout, UsageRows } from "../../ports/usage-log.ts";
import { numberCategories, stringCategories } from "../../ports/usage-store.ts";
import { integer, rowsOf, text } from "./cells.ts";
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
  /** Where rows are appended, in the order of receipt. */
  readonly name: string;
  /** Where they are moved to, in the order of accounts (row-order.ts). */
  readonly sortedName: string;
  /** Both: every row that was ever stored. */
  readonly storedName: string;
  /** What queries read: without the rows that corrections hide. */
  readonly rowsName: string;
  readonly orgId: string;
  readonly meterId: string;
  readonly fields: readonly FieldPlace[];
}

const namesOf = (number: number) => ({
  name: `usage_${number}`,
  sortedName: `usage_${number}_sorted`,
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

  async load(connection: DuckDBConnection): Promise<void> {
    const fields = await rowsOf(
      connection,
      "SELECT meter, number, code, category FROM field ORDER BY meter, number",
    );
    const places = Map.groupBy(fields, ([meter]) => integer(meter));
    const meters = await rowsOf(connection, "SELECT number, org_id, meter_id FROM meter");
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
  }

  get all(): readonly MeterTable[] {
    return [...this.#tables.values()];
  }

  find(orgId: string, meterId: string): MeterTable | undefined {
    return this.#tables.get(keyOf(orgId, meterId));
  }

  /** The table that can hold rows of the layout, created or widened on the connection if need be. */
  async ensure(connection: DuckDBConnection, layout: MeterLayout): Promise<MeterTable> {
    const known = this.find(layout.orgId, layout.meterId);
    const present = known?.fields ?? [];
    const missing = layout.fields
      .filter((field) => !present.some((place) => isSame(field, place)))
      .map((field, index) => ({
        ...field,
        number: present.length + index,
        isNumeric: numeric.has(field.category),
      }));
    if (known !== undefined && missing.length === 0) return known;
    const number = known?.number ?? this.#tables.size;
    const { orgId, meterId } = layout;
    const fields = [...present, ...missing];
    const table: MeterTable = { number, ...namesOf(number), orgId, meterId, fields };
    await widen(connection, { table, missing, isNew: known === undefined });
    this.#keep(table);
    return table;
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

interface Change {
  readonly table: MeterTable;
  readonly missing: readonly FieldPlace[];
  readonly isNew: boolean;
}

const widen = async (
  connection: DuckDBConnection,
  { table, missing, isNew }: Change,
): Promise<void> => {
  const columns = missing.flatMap(columnsOf);
  await connection.run("BEGIN");
  try {
    if (isNew) {
      const all = [...fixedColumns, ...columns].join(", ");
      await connection.run(`CREATE TABLE ${table.name} (${all})`);
      await connection.run(`CREATE TABLE ${table.sortedName} (${all})`);
      await connection.run("INSERT INTO meter VALUES ($1, $2, $3)", [
        table.number,
        table.orgId,
        table.meterId,
      ]);
    } else {
      for (const column of columns) {
        await connection.run(`ALTER TABLE ${table.name} ADD COLUMN ${column}`);
        await connection.run(`ALTER TABLE ${table.sortedName} ADD COLUMN ${column}`);
      }
    }
    await connection.run(
      `CREATE OR REPLACE VIEW ${table.storedName} AS
       SELECT * FROM ${table.name} UNION ALL SELECT * FROM ${table.sortedName};
       CREATE OR REPLACE VIEW ${table.rowsName} AS
       SELECT * FROM ${table.storedName} AS stored
       ANTI JOIN correction ON stored.position = correction.hides`,
    );
    for (const { number, code, category } of missing) {
      const row = [table.number, number, code, category];
      await connection.run("INSERT INTO field VALUES ($1, $2, $3, $4)", row);
    }
    await connection.run("COMMIT");
  } catch (cause) {
    await connection.run("ROLLBACK").catch(() => undefined);
    throw cause;
  }
};
