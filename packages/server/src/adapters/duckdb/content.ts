import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { categoryProperties } from "@turnpike/contract/usage/measurement-rules.ts";
import type { Measurement } from "../../ingest/measurement.ts";
import type { StoredContent } from "../../ports/usage-log.ts";
import { integer, rowsOf, text } from "./cells.ts";
import { correctionOf, findOrdinary, originOf, type Source, type Wanted } from "./corrections.ts";
import type { MeterTable } from "./meter-table.ts";
import { fieldColumns, fieldValues } from "./scan.ts";

/** The last row with the uid, and all that it has. */
export const findContent = async (
  connection: DuckDBConnection,
  source: Source,
  wanted: Wanted,
): Promise<StoredContent | undefined> => {
  const found = await findOrdinary(connection, source, wanted);
  if (found === undefined) return undefined;
  const position = integer(found.row[1]);
  const { isVoid, digest } = await correctionOf(connection, position);
  return {
    ...originOf(source, found),
    fields: await fieldsAt(connection, found.table, position),
    isCorrected: isVoid || digest !== undefined,
    batch: await batchAt(connection, position),
  };
};

const batchAt = async (connection: DuckDBConnection, position: number): Promise<number> => {
  const [[sequence = null] = []] = await rowsOf(
    connection,
    `SELECT max(sequence) FROM batch WHERE first_position <= ${position}`,
  );
  return integer(sequence);
};

const fieldsAt = async (
  connection: DuckDBConnection,
  table: MeterTable,
  position: number,
): Promise<ReadonlyMap<string, string>> => {
  const columns = ["extras", ...table.fields.flatMap(fieldColumns)];
  const [row = []] = await rowsOf(
    connection,
    `SELECT ${columns.join(", ")} FROM ${table.storedName} WHERE position = ${position}`,
  );
  const [extras = null, ...cells] = row;
  return new Map([
    ...fieldValues(table, cells).map(
      ({ field, value }) => [`${categoryProperties[field.category]}.${field.code}`, value] as const,
    ),
    // A field that was sent by the code of a derived one is among these.
    ...extraFields(extras),
  ]);
};

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
