import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import type { CorrectionEntry, StoredMeasurement } from "../../ports/usage-log.ts";
import type { AccountNumbers } from "./accounts.ts";
import { type Backfill, hiddenSql } from "./backfills.ts";
import { integer, rowsOf, text } from "./cells.ts";
import type { Generation } from "./database.ts";
import type { MeterTable } from "./meter-table.ts";
import type { MeterTables } from "./meter-tables.ts";
import { literal } from "./cells.ts";
import { uidCondition } from "./uid-columns.ts";

/** Adds a correction to a generation of recent rows. */
export const insertCorrection = async (
  connection: DuckDBConnection,
  generation: Generation,
  { position, hides, orgId, uid, digest, correctedBy, reason }: CorrectionEntry,
): Promise<void> => {
  const texts = [orgId, uid, digest ?? null, correctedBy, reason];
  const cells = texts.map((cell) => (cell === null ? "NULL" : literal(cell)));
  await connection.run(
    `INSERT INTO ${generation}.correction VALUES (${[position, hides, ...cells].join(", ")})`,
  );
};

/** How long after its receipt a request is committed with near certainty: a first guess, no promise. */
const commitDelayMs = 60_000;

export interface Wanted {
  readonly orgId: string;
  readonly uid: string;
  readonly receivedAtMs: number | undefined;
}

export interface Source {
  readonly tables: MeterTables;
  readonly accounts: AccountNumbers;
}

export interface Found {
  readonly table: MeterTable;
  readonly row: readonly DuckDBValue[];
}

/**
 * The positions of what was received in the minute from an instant on. With literals DuckDB skips the runs of rows that
 * have none of them, so a uid of the dedupe window is found without reading the others.
 */
const positionsFrom = async (
  connection: DuckDBConnection,
  receivedAtMs: number,
): Promise<string | undefined> => {
  const [range] = await rowsOf(
    connection,
    `SELECT min(first_position), max(first_position + count) FROM batch
     WHERE received_at >= make_timestamp(${receivedAtMs * 1000})
       AND received_at < make_timestamp(${(receivedAtMs + commitDelayMs) * 1000})`,
  );
  const [first = null, end = null] = range ?? [];
  return first === null
    ? undefined
    : `position >= ${integer(first)} AND position < ${integer(end)}`;
};

/** Of all meters of the organization, the row with the uid that was stored last. */
const lastRow = async (
  connection: DuckDBConnection,
  tables: readonly MeterTable[],
  where: string,
): Promise<Found | undefined> => {
  if (tables.length === 0) return undefined;
  const rows = tables.map(
    ({ number, storedName }) =>
      `SELECT ${number}, position, account, ts, ets FROM ${storedName} WHERE ${where}`,
  );
  const [row] = await rowsOf(
    connection,
    `SELECT meter, position, account, epoch_us(ts), epoch_us(ets)
     FROM (${rows.join(" UNION ALL ")}) AS stored(meter, position, account, ts, ets)
     ORDER BY position DESC LIMIT 1`,
  );
  const table = tables.find(({ number }) => row !== undefined && number === integer(row[0]));
  return row === undefined || table === undefined ? undefined : { table, row };
};

/** Where amendments of the uid put their rows. */
const amendedAt = async (
  connection: DuckDBConnection,
  { orgId, uid }: Wanted,
): Promise<readonly number[]> => {
  const rows = await rowsOf(
    connection,
    `SELECT position FROM correction
     WHERE org_id = ${literal(orgId)} AND uid = ${literal(uid)} AND digest IS NOT NULL`,
  );
  return rows.map(([position]) => integer(position));
};

/** The last row with the uid among these tables, which are those of one namespace of uids. */
const findAmong = async (
  connection: DuckDBConnection,
  tables: readonly MeterTable[],
  wanted: Wanted,
): Promise<Found | undefined> => {
  const { uid, receivedAtMs } = wanted;
  const isNamed = uidCondition(uid);
  const near =
    receivedAtMs === undefined ? undefined : await positionsFrom(connection, receivedAtMs);
  const received =
    (near === undefined
      ? undefined
      : await lastRow(connection, tables, `${isNamed} AND ${near}`)) ??
    (await lastRow(connection, tables, isNamed));
  if (received === undefined) return undefined;
  const position = integer(received.row[1]);
  const later = (await amendedAt(connection, wanted)).filter((at) => at > position);
  if (later.length === 0) return received;
  return (await lastRow(connection, tables, `position IN (${later.join(", ")})`)) ?? received;
};

/** The last row with the uid that is of no backfill. */
export const findOrdinary = (
  connection: DuckDBConnection,
  { tables }: Source,
  wanted: Wanted,
): Promise<Found | undefined> => {
  const ofOrg = tables.ordinary.filter(({ orgId }) => orgId === wanted.orgId);
  return findAmong(connection, ofOrg, wanted);
};

/** Of the backfill that was revealed last, if one that is revealed has the uid. */
const findBackfilled = async (
  connection: DuckDBConnection,
  { tables }: Source,
  wanted: Wanted,
): Promise<{ readonly found: Found; readonly of: Backfill } | undefined> => {
  const inOrder = tables.steps
    .revealed(wanted.orgId)
    .toSorted((a, b) => (b.revealedAt ?? 0) - (a.revealedAt ?? 0));
  for (const of of inOrder) {
    const among = tables.ofBackfill(of.orgId, of.backfillId);
    const found = await findAmong(connection, among, { ...wanted, receivedAtMs: undefined });
    if (found !== undefined) return { found, of };
  }
  return undefined;
};

/**
 * The last row with the uid and what has become of it: rows of a backfill come where it was revealed, and are not there
 * before and after. A uid outside of the dedupe window costs a scan of all uids. Times only say where to look first: an
 * amendment can bear an earlier one than what it amends, so that its row is found by its position.
 */
export const findMeasurement = async (
  connection: DuckDBConnection,
  source: Source,
  wanted: Wanted,
): Promise<StoredMeasurement | undefined> => {
  const ordinary = await findOrdinary(connection, source, wanted);
  const backfilled = await findBackfilled(connection, source, wanted);
  const isLater =
    ordinary === undefined || integer(ordinary.row[1]) < (backfilled?.of.revealedAt ?? -1);
  const found = isLater ? (backfilled?.found ?? ordinary) : ordinary;
  return found === undefined ? undefined : describe(connection, source, found);
};

/** Whether a revealed backfill has taken the place of the row. */
const isReplaced = async (
  connection: DuckDBConnection,
  { tables }: Source,
  { table, row }: Found,
): Promise<boolean> => {
  const hidden = hiddenSql(table, tables.steps);
  if (hidden === undefined) return false;
  const [hit] = await rowsOf(
    connection,
    `SELECT 1 FROM ${table.storedName} AS stored
     WHERE stored.position = ${integer(row[1])} AND (${hidden})`,
  );
  return hit !== undefined;
};

/** What corrections have made of a row. */
export const correctionOf = async (
  connection: DuckDBConnection,
  position: number,
): Promise<Pick<StoredMeasurement, "isVoid" | "digest">> => {
  const [state] = await rowsOf(
    connection,
    `SELECT count(*) FILTER (hides = ${position}), max(digest) FILTER (position = ${position})
     FROM correction`,
  );
  const [hiding, digest] = state ?? [];
  return {
    // The row of an amendment comes after the row that it hides: the last row is hidden by a void only.
    isVoid: integer(hiding) > 0,
    digest: typeof digest === "string" ? text(digest) : undefined,
  };
};

/** Whose row it is and when it was. */
export const originOf = ({ accounts }: Source, { table, row }: Found) => {
  const [, , account, ts, ets] = row;
  return {
    meterId: table.meterId,
    accountId: accounts.at(integer(account)).accountId,
    tsMicros: integer(ts),
    etsMicros: ets === null ? undefined : integer(ets),
  };
};

const describe = async (
  connection: DuckDBConnection,
  source: Source,
  found: Found,
): Promise<StoredMeasurement> => {
  const position = integer(found.row[1]);
  return {
    position,
    ...originOf(source, found),
    ...(await correctionOf(connection, position)),
    backfillId: found.table.backfillId,
    isReplaced: await isReplaced(connection, source, found),
  };
};
