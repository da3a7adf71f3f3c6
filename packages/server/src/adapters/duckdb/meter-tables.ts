import { BIGINT, INTEGER, SMALLINT, TIMESTAMP, UUID, VARCHAR } from "@duckdb/node-api";
import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import type { MeterField } from "../../ports/usage-directory.ts";
import type { BackfillEntry, MeterLayout, UsageRows } from "../../ports/usage-log.ts";
import { numberCategories, stringCategories } from "../../ports/usage-store.ts";
import { integer, rowsOf, text } from "./cells.ts";
import { BackfillSteps } from "./backfills.ts";
import { generations } from "./database.ts";
import {
  type FieldPlace,
  mantissaColumn,
  type MeterTable,
  type Org,
  scaleColumn,
} from "./meter-table.ts";
import { viewsSql } from "./row-views.ts";
import type { ColumnSource } from "./chunk-writer.ts";
import { uidColumnsSql, type UidSplitter } from "./uid-columns.ts";

const numeric: ReadonlySet<string> = new Set(numberCategories);

const namesOf = (number: number) => ({
  name: `usage_${number}`,
  storedName: `usage_${number}_stored`,
  rowsName: `usage_${number}_rows`,
  uncorrectedName: `usage_${number}_uncorrected`,
});

const keyOf = (orgId: string, meterId: string, backfillId = ""): string =>
  `${orgId}/${meterId}/${backfillId}`;

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
  ...uidColumnsSql,
  "extras VARCHAR",
];

export const columnTypes = ({ fields }: MeterTable): readonly DuckDBType[] => [
  BIGINT,
  INTEGER,
  TIMESTAMP,
  TIMESTAMP,
  VARCHAR,
  SMALLINT,
  BIGINT,
  UUID,
  VARCHAR,
  ...fields.flatMap((field): readonly DuckDBType[] =>
    field.isNumeric ? [BIGINT, SMALLINT] : [VARCHAR],
  ),
];

/** The columns of a table, in its order, for rows whose layout may have fewer fields or another order. */
export const columnSources = (
  table: MeterTable,
  rows: UsageRows,
  uids: UidSplitter,
): readonly ColumnSource[] => [
  { kind: "int64", values: rows.positions },
  { kind: "int32", values: rows.accounts },
  { kind: "int64", values: rows.ts },
  { kind: "int64", values: rows.ets, present: rows.etsPresent },
  ...uids.columns(rows.uids, rows.count),
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

/**
 * Which table and columns hold the fields of a meter, and of each of its backfills. A field that leaves its meter keeps
 * its column.
 */
export class MeterTables {
  readonly #tables = new Map<string, MeterTable>();
  readonly #orgs = new Map<string, Org>();
  #steps = new BackfillSteps();

  /** Reads what the file has tables for, and makes those in memory. */
  async load(connection: DuckDBConnection): Promise<void> {
    this.#tables.clear();
    this.#steps = await BackfillSteps.load(connection);
    const fields = await rowsOf(
      connection,
      "SELECT meter, number, code, category FROM kept.field ORDER BY meter, number",
    );
    const places = Map.groupBy(fields, ([meter]) => integer(meter));
    const meters = await rowsOf(
      connection,
      "SELECT number, org_id, meter_id, backfill_id FROM kept.meter",
    );
    for (const [meter, orgId, meterId, backfillId = null] of meters) {
      const number = integer(meter);
      this.#keep({
        number,
        ...namesOf(number),
        org: this.org(text(orgId)),
        orgId: text(orgId),
        meterId: text(meterId),
        ...(backfillId === null ? {} : { backfillId: text(backfillId) }),
        fields: (places.get(number) ?? []).map(placeOf),
      });
    }
    const corrected = await rowsOf(connection, "SELECT DISTINCT org_id FROM kept.correction");
    for (const [orgId] of corrected) this.org(text(orgId)).isCorrected = true;
    for (const table of this.all) await connection.run(recentTableSql(table));
    for (const table of this.ordinary) await connection.run(this.#viewsSql(table));
  }

  get all(): readonly MeterTable[] {
    return [...this.#tables.values()];
  }

  /** Those of meters: what their views show is all that counts. */
  get ordinary(): readonly MeterTable[] {
    return this.all.filter(({ backfillId }) => backfillId === undefined);
  }

  /** What is known of backfills where the database is. */
  get steps(): BackfillSteps {
    return this.#steps;
  }

  org(orgId: string): Org {
    return this.#orgs.getOrInsertComputed(orgId, () => ({ isCorrected: false }));
  }

  find(orgId: string, meterId: string): MeterTable | undefined {
    return this.#tables.get(keyOf(orgId, meterId));
  }

  /** The tables of one backfill, one for each meter. */
  ofBackfill(orgId: string, backfillId: string): readonly MeterTable[] {
    return this.all.filter((table) => table.orgId === orgId && table.backfillId === backfillId);
  }

  /** The tables of a meter's backfills. */
  backfillsOf({ orgId, meterId }: MeterTable): readonly MeterTable[] {
    return this.all.filter(
      (table) =>
        table.orgId === orgId && table.meterId === meterId && table.backfillId !== undefined,
    );
  }

  /** The table that can hold rows of the layout; undefined when it has to be created or widened first. */
  fitting({ orgId, meterId, backfillId, fields }: MeterLayout): MeterTable | undefined {
    const table = this.#tables.get(keyOf(orgId, meterId, backfillId));
    return table !== undefined && missingIn(table, fields).length === 0 ? table : undefined;
  }

  /** Creates or widens the table for the layout, first in the file, then in memory. A meter's table has every field. */
  async widen(connection: DuckDBConnection, layout: MeterLayout): Promise<void> {
    const { orgId, meterId, backfillId } = layout;
    const ofMeter = { orgId, meterId, fields: layout.fields };
    if (backfillId !== undefined && this.fitting(ofMeter) === undefined) {
      await this.widen(connection, ofMeter);
    }
    const known = this.#tables.get(keyOf(orgId, meterId, backfillId));
    const missing = missingIn(known, layout.fields);
    const number = known?.number ?? this.#tables.size;
    const fields = [...(known?.fields ?? []), ...missing];
    const org = this.org(orgId);
    const table = { number, ...namesOf(number), org, orgId, meterId, backfillId, fields };
    await inTransaction(connection, async () => {
      await connection.run(
        known === undefined ? createSql("kept", table) : addSql("kept", { table, missing }),
      );
      if (known === undefined) await insertMeter(connection, table);
      for (const field of missing) {
        const row = [number, field.number, field.code, field.category];
        await connection.run("INSERT INTO kept.field VALUES ($1, $2, $3, $4)", row);
      }
    });
    this.#keep(table);
    const inMemory =
      known === undefined
        ? recentTableSql(table)
        : generations.map((place) => addSql(place, { table, missing })).join("; ");
    const meter = backfillId === undefined ? table : this.find(orgId, meterId);
    if (meter === undefined) throw new Error("a backfill has rows of meters that have tables");
    await inTransaction(connection, () => connection.run(`${inMemory}; ${this.#viewsSql(meter)}`));
  }

  /** Lets the views show what the steps have made of backfills. */
  async follow(connection: DuckDBConnection, entries: readonly BackfillEntry[]): Promise<void> {
    for (const entry of entries) this.#steps.take(entry);
    const orgs = new Set(entries.map(({ orgId }) => orgId));
    for (const table of this.ordinary) {
      if (orgs.has(table.orgId)) await connection.run(this.#viewsSql(table));
    }
  }

  #viewsSql(meter: MeterTable): string {
    return viewsSql(meter, this.backfillsOf(meter), this.#steps);
  }

  #keep(table: MeterTable): void {
    this.#tables.set(keyOf(table.orgId, table.meterId, table.backfillId), table);
  }
}

const insertMeter = async (
  connection: DuckDBConnection,
  { number, orgId, meterId, backfillId }: MeterTable,
): Promise<void> => {
  const row = [number, orgId, meterId, backfillId ?? null];
  await connection.run("INSERT INTO kept.meter VALUES ($1, $2, $3, $4)", row);
};

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

/** Fields that the table has no column for, with the columns that they will get. */
const missingIn = (
  table: MeterTable | undefined,
  fields: readonly MeterField[],
): readonly FieldPlace[] => {
  const present = table?.fields ?? [];
  return fields
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

/** The tables of both generations. */
const recentTableSql = (table: MeterTable): string =>
  generations.map((place) => createSql(place, table)).join("; ");

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
