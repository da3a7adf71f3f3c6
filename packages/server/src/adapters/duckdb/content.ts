import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { categoryProperties } from "@turnpike/contract/usage/measurement-rules.ts";
import type { Measurement } from "../../ingest/measurement.ts";
import type { StoredContent } from "../../ports/usage-log.ts";
import { integer, literalRows, rowsOf, text } from "./cells.ts";
import { correctionsOf, originOf } from "./corrections.ts";
import { findOrdinary, type Source, type StoredRow, type Wanted } from "./last-rows.ts";
import type { MeterTable } from "./meter-table.ts";
import { fieldColumns, fieldValues } from "./scan.ts";

/** By uid, the last row with it and all that it has. */
export const findContents = async (
  connection: DuckDBConnection,
  source: Source,
  wanted: Wanted,
): Promise<ReadonlyMap<string, StoredContent>> => {
  const found = await findOrdinary(connection, source, wanted);
  const rows = [...found.values()];
  if (rows.length === 0) return new Map();
  const positions = rows.map(({ position }) => position);
  const correctionAt = await correctionsOf(connection, positions);
  const batches = await batchesOf(connection, positions);
  const fields = await fieldsOf(connection, rows);
  return new Map(
    [...found].map(([uid, row]): [string, StoredContent] => {
      const { isVoid, digest } = correctionAt(row.position);
      return [
        uid,
        {
          ...originOf(source, row),
          fields: known(fields, row.position),
          isCorrected: isVoid || digest !== undefined,
          batch: known(batches, row.position),
        },
      ];
    }),
  );
};

/** Of a position that a row has. */
const known = <Value>(of: ReadonlyMap<number, Value>, position: number): Value => {
  const value = of.get(position);
  if (value === undefined) throw new Error(`nothing is known of the row at ${position}`);
  return value;
};

/** The batches that have these positions. */
const batchesOf = async (
  connection: DuckDBConnection,
  positions: readonly number[],
): Promise<ReadonlyMap<number, number>> => {
  const rows = await rowsOf(
    connection,
    `SELECT wanted.position, batch.sequence
     FROM (${literalRows(
       { position: "BIGINT" },
       positions.map((position) => [position]),
     )}) AS wanted
     ASOF JOIN batch ON wanted.position >= batch.first_position`,
  );
  return new Map(rows.map(([position, sequence]) => [integer(position), integer(sequence)]));
};

type Fields = ReadonlyMap<string, string>;

const fieldsOf = async (
  connection: DuckDBConnection,
  rows: readonly StoredRow[],
): Promise<ReadonlyMap<number, Fields>> => {
  const fields = new Map<number, Fields>();
  for (const [table, own] of Map.groupBy(rows, (row) => row.table)) {
    const columns = ["position", "extras", ...table.fields.flatMap(fieldColumns)];
    const positions = own.map(({ position }) => position).join(", ");
    const found = await rowsOf(
      connection,
      `SELECT ${columns.join(", ")} FROM ${table.storedName} WHERE position IN (${positions})`,
    );
    for (const [position, extras = null, ...cells] of found)
      fields.set(integer(position), fieldsIn(table, extras, cells));
  }
  return fields;
};

const fieldsIn = (table: MeterTable, extras: DuckDBValue, cells: readonly DuckDBValue[]): Fields =>
  new Map([
    ...fieldValues(table, cells).map(
      ({ field, value }) => [`${categoryProperties[field.category]}.${field.code}`, value] as const,
    ),
    // A field that was sent by the code of a derived one is among these.
    ...extraFields(extras),
  ]);

const extraFields = (extras: DuckDBValue): [string, string][] => {
  if (extras === null) return [];
  const maps: Measurement["fields"] = JSON.parse(text(extras));
  return Object.entries(maps).flatMap(([property, fields]) =>
    Object.entries(fields).map(([code, value]): [string, string] => [
      `${property}.${code}`,
      typeof value === "number" ? decimal(value).toString() : value.toWellFormed(),
    ]),
  );
};
