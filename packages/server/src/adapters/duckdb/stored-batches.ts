import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import { RowBuffer } from "../../ingest/row-buffer.ts";
import type { CorrectionEntry, UsageRows } from "../../ports/usage-log.ts";
import { bigInteger, integer, rowsOf, text } from "./cells.ts";
import { mantissaColumn, scaleColumn } from "./meter-tables.ts";
import type { MeterTable } from "./meter-tables.ts";

/** Positions from `first`, so many. */
export interface PositionRange {
  readonly firstPosition: number;
  readonly count: number;
}

const rangeSql = ({ firstPosition, count }: PositionRange): string =>
  `position >= ${firstPosition} AND position < ${firstPosition + count}`;

const fieldColumns = ({ fields }: MeterTable): readonly string[] =>
  fields.flatMap((field) =>
    field.isNumeric ? [mantissaColumn(field), scaleColumn(field)] : [mantissaColumn(field)],
  );

const fillField = (
  column: RowBuffer["fields"][number] | undefined,
  row: number,
  [value = null, scale = null]: readonly DuckDBValue[],
): void => {
  if (column === undefined || value === null) {
    column?.clear(row);
  } else if (column.kind === "text") {
    column.set(row, text(value));
  } else {
    column.present.set(row, true);
    column.mantissas.setBig(row, bigInteger(value));
    column.scales[row] = integer(scale ?? 0);
  }
};

const fillRow = (into: RowBuffer, table: MeterTable, cells: readonly DuckDBValue[]): void => {
  const [position, account, ts, ets = null, uid = null, extras = null, ...values] = cells;
  const row = into.count;
  into.positions.setBig(row, bigInteger(position));
  into.accounts[row] = integer(account);
  into.ts.setBig(row, bigInteger(ts));
  into.ets.setBig(row, ets === null ? 0n : bigInteger(ets));
  into.etsPresent.set(row, ets !== null);
  into.uids.set(row, text(uid ?? ""));
  if (extras === null) into.extras.clear(row);
  else into.extras.set(row, text(extras));
  let at = 0;
  for (const [index, { isNumeric }] of table.fields.entries()) {
    fillField(into.fields[index], row, values.slice(at, at + 2));
    at += isNumeric ? 2 : 1;
  }
  into.commitRow();
};

/** The rows at the positions as they were gathered, one buffer for each meter that has any. */
export const readBatchRows = async (
  connection: DuckDBConnection,
  tables: readonly MeterTable[],
  range: PositionRange,
): Promise<readonly UsageRows[]> => {
  const buffers: RowBuffer[] = [];
  for (const table of tables) {
    const { orgId, meterId, fields, storedName } = table;
    const columns = ["position", "account", "epoch_us(ts)", "epoch_us(ets)", "uid", "extras"];
    const rows = await rowsOf(
      connection,
      `SELECT ${[...columns, ...fieldColumns(table)].join(", ")} FROM ${storedName}
       WHERE ${rangeSql(range)} ORDER BY position`,
    );
    if (rows.length === 0) continue;
    const layout = {
      orgId,
      meterId,
      fields: fields.map(({ code, category }) => ({ code, category })),
    };
    const buffer = new RowBuffer(layout);
    for (const cells of rows) fillRow(buffer, table, cells);
    buffers.push(buffer);
  }
  return buffers;
};

export const readBatchCorrections = async (
  connection: DuckDBConnection,
  range: PositionRange,
): Promise<readonly CorrectionEntry[]> => {
  const rows = await rowsOf(
    connection,
    `SELECT org_id, uid, position, hides, corrected_by, reason, digest FROM correction
     WHERE ${rangeSql(range)} ORDER BY position`,
  );
  return rows.map(([orgId, uid, position, hides, correctedBy, reason, digest = null]) => ({
    orgId: text(orgId),
    uid: text(uid),
    position: integer(position),
    hides: integer(hides),
    correctedBy: text(correctedBy),
    reason: text(reason),
    ...(digest === null ? {} : { digest: text(digest) }),
  }));
};
