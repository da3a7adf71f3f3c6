import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import type { AccountNumbers } from "./accounts.ts";
import { integer, literal, rowsOf, text } from "./cells.ts";
import type { MeterTable } from "./meter-table.ts";
import type { MeterTables } from "./meter-tables.ts";
import { isSameUidSql, uidColumns, uidWaysSql } from "./uid-columns.ts";

export interface Source {
  readonly tables: MeterTables;
  readonly accounts: AccountNumbers;
}

export interface Wanted {
  readonly orgId: string;
  /** By uid, about when it was received, if that is known. */
  readonly receivedAtMs: ReadonlyMap<string, number | undefined>;
}

/** A row that was stored, and the table that it is in. Instants are epoch microseconds. */
export interface StoredRow {
  readonly table: MeterTable;
  readonly position: number;
  /** Its number. */
  readonly account: number;
  readonly tsMicros: number;
  readonly etsMicros: number | undefined;
}

/** How long after its receipt a request is committed with near certainty: a first guess, no promise. */
const commitDelayMs = 60_000;

/**
 * The positions of what was received from the first of the instants until a minute after the last. With literals DuckDB
 * skips the runs of rows that have none of them, so uids of the dedupe window are found without reading the others.
 */
const positionsFrom = async (
  connection: DuckDBConnection,
  receivedAtMs: readonly number[],
): Promise<string | undefined> => {
  if (receivedAtMs.length === 0) return undefined;
  const [range] = await rowsOf(
    connection,
    `SELECT min(first_position), max(first_position + count) FROM batch
     WHERE received_at >= make_timestamp(${Math.min(...receivedAtMs) * 1000})
       AND received_at < make_timestamp(${(Math.max(...receivedAtMs) + commitDelayMs) * 1000})`,
  );
  const [first = null, end = null] = range ?? [];
  return first === null
    ? undefined
    : `position >= ${integer(first)} AND position < ${integer(end)}`;
};

const rowColumns = ["position", "account", "ts", "ets"] as const;
const everyRowSql = (tables: readonly MeterTable[], where: string): string =>
  tables
    .map(
      ({ number, storedName }) =>
        `SELECT ${[`${number} AS meter`, ...rowColumns, ...uidColumns].join(", ")} FROM ${storedName} WHERE ${where}`,
    )
    .join(" UNION ALL ");

const rowCells =
  "stored.meter, stored.position, stored.account, epoch_us(stored.ts), epoch_us(stored.ets)";
const storedRow = (
  tables: ReadonlyMap<number, MeterTable>,
  [meter, position, account, ts, ets = null]: readonly DuckDBValue[],
): StoredRow => {
  const table = tables.get(integer(meter));
  if (table === undefined) throw new Error("a row is of no table that was asked");
  return {
    table,
    position: integer(position),
    account: integer(account),
    tsMicros: integer(ts),
    etsMicros: ets === null ? undefined : integer(ets),
  };
};

const byNumber = (tables: readonly MeterTable[]): ReadonlyMap<number, MeterTable> =>
  new Map(tables.map((table) => [table.number, table]));

/** By uid, of these rows the one with it that was stored last. */
const lastRows = async (
  connection: DuckDBConnection,
  tables: readonly MeterTable[],
  { uids, where }: { readonly uids: readonly string[]; readonly where: string },
): Promise<ReadonlyMap<string, StoredRow>> => {
  if (tables.length === 0 || uids.length === 0) return new Map();
  const rows = await rowsOf(
    connection,
    `SELECT way.nth, ${rowCells}
     FROM (${everyRowSql(tables, where)}) AS stored
     JOIN (${uidWaysSql(uids)}) AS way ON ${isSameUidSql("stored", "way")}
     QUALIFY row_number() OVER (PARTITION BY way.nth ORDER BY stored.position DESC) = 1`,
  );
  const numbered = byNumber(tables);
  return new Map(
    rows.map(([nth, ...cells]) => [uids[integer(nth)] ?? "", storedRow(numbered, cells)]),
  );
};

/** By uid as it is written, where amendments of it put their rows, in their order. */
const amendedAt = async (
  connection: DuckDBConnection,
  orgId: string,
  uids: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]>> => {
  const rows = await rowsOf(
    connection,
    `SELECT uid, position FROM correction
     WHERE org_id = ${literal(orgId)} AND digest IS NOT NULL AND uid IN (${uids.map(literal).join(", ")})
     ORDER BY position`,
  );
  const at = Map.groupBy(rows, ([uid]) => text(uid));
  return new Map([...at].map(([uid, own]) => [uid, own.map(([, position]) => integer(position))]));
};

const rowsAt = async (
  connection: DuckDBConnection,
  tables: readonly MeterTable[],
  positions: readonly number[],
): Promise<ReadonlyMap<number, StoredRow>> => {
  if (positions.length === 0) return new Map();
  const rows = await rowsOf(
    connection,
    `SELECT ${rowCells} FROM (${everyRowSql(tables, `position IN (${positions.join(", ")})`)}) AS stored`,
  );
  const numbered = byNumber(tables);
  const found = rows.map((cells) => storedRow(numbered, cells));
  return new Map(found.map((row) => [row.position, row]));
};

/**
 * By uid, the last row with it among these tables, which are those of one namespace of uids. A uid outside of the dedupe
 * window costs a scan of all uids, and many cost no more. Times only say where to look first: two that were received with
 * one uid are further apart than those that are looked for there, but an amendment can bear an earlier time than what it
 * amends, so that its row is found by its position.
 */
export const findAmong = async (
  connection: DuckDBConnection,
  tables: readonly MeterTable[],
  { orgId, receivedAtMs }: Wanted,
): Promise<ReadonlyMap<string, StoredRow>> => {
  const known = [...receivedAtMs].flatMap(([uid, at]) => (at === undefined ? [] : [{ uid, at }]));
  const near = await positionsFrom(
    connection,
    known.map(({ at }) => at),
  );
  const received = new Map(
    near === undefined
      ? []
      : await lastRows(connection, tables, { uids: known.map(({ uid }) => uid), where: near }),
  );
  const others = [...receivedAtMs.keys()].filter((uid) => !received.has(uid));
  const anywhere = await lastRows(connection, tables, { uids: others, where: "true" });
  for (const [uid, row] of anywhere) received.set(uid, row);
  if (received.size === 0) return received;
  const amended = await amendedAt(connection, orgId, [...received.keys()]);
  const later = [...received].flatMap(([uid, { position }]) =>
    // Halves of a character are not written.
    (amended.get(uid.toWellFormed()) ?? [])
      .filter((at) => at > position)
      .map((at) => ({ uid, at })),
  );
  const rows = await rowsAt(
    connection,
    tables,
    later.map(({ at }) => at),
  );
  for (const { uid, at } of later) {
    const row = rows.get(at);
    if (row !== undefined) received.set(uid, row);
  }
  return received;
};

/** By uid, the last row with it that is of no backfill. */
export const findOrdinary = (
  connection: DuckDBConnection,
  { tables }: Source,
  wanted: Wanted,
): Promise<ReadonlyMap<string, StoredRow>> => {
  const ofOrg = tables.ordinary.filter(({ orgId }) => orgId === wanted.orgId);
  return findAmong(connection, ofOrg, wanted);
};
