import type { DuckDBConnection } from "@duckdb/node-api";
import type { CorrectionEntry, StoredMeasurement } from "../../ports/usage-log.ts";
import { type Backfill, hiddenSql } from "./backfills.ts";
import { integer, literal, rowsOf, text } from "./cells.ts";
import type { Generation } from "./database.ts";
import { findAmong, findOrdinary, type Source, type StoredRow } from "./last-rows.ts";

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

/** Of the backfill that was revealed last, if one that is revealed has the uid. */
const findBackfilled = async (
  connection: DuckDBConnection,
  { tables }: Source,
  { orgId, uid }: Lookup,
): Promise<{ readonly found: StoredRow; readonly of: Backfill } | undefined> => {
  const inOrder = tables.steps
    .revealed(orgId)
    .toSorted((a, b) => (b.revealedAt ?? 0) - (a.revealedAt ?? 0));
  for (const of of inOrder) {
    const among = tables.ofBackfill(of.orgId, of.backfillId);
    const wanted = { orgId, receivedAtMs: new Map([[uid, undefined]]) };
    const found = (await findAmong(connection, among, wanted)).get(uid);
    if (found !== undefined) return { found, of };
  }
  return undefined;
};

interface Lookup {
  readonly orgId: string;
  readonly uid: string;
  /** About when the uid was received, if that is known. */
  readonly receivedAtMs: number | undefined;
}

/**
 * The last row with the uid and what has become of it: rows of a backfill come where it was revealed, and are not there
 * before and after.
 */
export const findMeasurement = async (
  connection: DuckDBConnection,
  source: Source,
  lookup: Lookup,
): Promise<StoredMeasurement | undefined> => {
  const { orgId, uid } = lookup;
  const wanted = { orgId, receivedAtMs: new Map([[uid, lookup.receivedAtMs]]) };
  const ordinary = (await findOrdinary(connection, source, wanted)).get(uid);
  const backfilled = await findBackfilled(connection, source, lookup);
  const isLater = ordinary === undefined || ordinary.position < (backfilled?.of.revealedAt ?? -1);
  const found = isLater ? (backfilled?.found ?? ordinary) : ordinary;
  return found === undefined ? undefined : describe(connection, source, found);
};

/** Whether a revealed backfill has taken the place of the row. */
const isReplaced = async (
  connection: DuckDBConnection,
  { tables }: Source,
  { table, position }: StoredRow,
): Promise<boolean> => {
  const hidden = hiddenSql(table, tables.steps);
  if (hidden === undefined) return false;
  const [hit] = await rowsOf(
    connection,
    `SELECT 1 FROM ${table.storedName} AS stored
     WHERE stored.position = ${position} AND (${hidden})`,
  );
  return hit !== undefined;
};

type Correction = Pick<StoredMeasurement, "isVoid" | "digest">;

/** What corrections have made of the rows at these positions. */
export const correctionsOf = async (
  connection: DuckDBConnection,
  positions: readonly number[],
): Promise<(position: number) => Correction> => {
  const list = positions.join(", ");
  const rows = await rowsOf(
    connection,
    `SELECT position, hides, digest FROM correction
     WHERE position IN (${list}) OR hides IN (${list})`,
  );
  // The row of an amendment comes after the row that it hides: the last row is hidden by a void only.
  const hidden = new Set(rows.map(([, hides]) => integer(hides)));
  const digests = new Map(
    rows.map(([position, , digest = null]) => [
      integer(position),
      digest === null ? undefined : text(digest),
    ]),
  );
  return (position) => ({ isVoid: hidden.has(position), digest: digests.get(position) });
};

/** Whose row it is and when it was. */
export const originOf = (
  { accounts }: Source,
  { table, account, tsMicros, etsMicros }: StoredRow,
) => ({
  meterId: table.meterId,
  accountId: accounts.at(account).accountId,
  tsMicros,
  etsMicros,
});

const describe = async (
  connection: DuckDBConnection,
  source: Source,
  found: StoredRow,
): Promise<StoredMeasurement> => {
  const { position, table } = found;
  const correctionAt = await correctionsOf(connection, [position]);
  return {
    position,
    ...originOf(source, found),
    ...correctionAt(position),
    backfillId: table.backfillId,
    isReplaced: await isReplaced(connection, source, found),
  };
};
