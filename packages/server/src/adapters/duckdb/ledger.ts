import { existsSync } from "node:fs";
import type { DuckDBConnection } from "@duckdb/node-api";
import { type Batch, decodeBatch } from "../journal/batch-codec.ts";
import { journalFolder, recordsAfter } from "../journal/journal.ts";
import { JournalDamaged, noHash } from "../journal/segment.ts";
import { Turns } from "../../ingest/turns.ts";
import { integer, rowsOf } from "./cells.ts";
import { UsageDatabase } from "./database.ts";
import { mantissaColumn, type MeterTable, scaleColumn } from "./meter-table.ts";
import { MeterTables } from "./meter-tables.ts";
import { type LinkedBatch, RecentRows } from "./recent-rows.ts";
import { literal } from "./cells.ts";
import { uidColumns, uidSql } from "./uid-columns.ts";
import { UsageJournalLog } from "./usage-log.ts";

/** The end of an unbroken chain, or the first batch that is not what it was when it was committed. */
export type LedgerVerdict =
  | { readonly kind: "sound"; readonly batches: number; readonly head: string }
  | { readonly kind: "broken"; readonly sequence: number; readonly reason: string };

const limits = { memoryLimit: "2GB", threads: 2 };
/** Rows of the journal that are compared with those of the file at once. */
const rowsPerStep = 300_000;

/** What has entries with positions, besides the tables of rows. */
const positioned = ["correction", "backfill"];

/** Batches that follow each other and the positions that are theirs. */
interface Step {
  readonly batches: readonly LinkedBatch[];
  readonly first: number;
  readonly end: number;
}

const stepOf = (batches: readonly LinkedBatch[]): Step => {
  const last = batches.at(-1)?.batch;
  return {
    batches,
    first: batches[0]?.batch.firstPosition ?? 0,
    end: (last?.firstPosition ?? 0) + (last?.count ?? 0),
  };
};

/** The least `key` of the rows that only one of two relations has, or has more often than the other. */
const leastDifference = async (
  connection: DuckDBConnection,
  { key, one, other }: { readonly key: string; readonly one: string; readonly other: string },
): Promise<number | undefined> => {
  const [row] = await rowsOf(
    connection,
    `SELECT min(${key}) FROM ((${one} EXCEPT ALL ${other}) UNION ALL (${other} EXCEPT ALL ${one}))`,
  );
  const least = row?.[0] ?? null;
  return least === null ? undefined : integer(least);
};

/** A uid may be stored in more than one way, and one that was changed in the file may be none at all. */
const rowColumns = `* EXCLUDE (${uidColumns.join(", ")}), TRY(${uidSql("stored")}) AS uid`;

/** The first batch of the step that the file holds otherwise than the journal, whose rows are in memory. */
const compare = async (
  connection: DuckDBConnection,
  { batches, first, end }: Step,
  tables: readonly MeterTable[],
): Promise<number | undefined> => {
  const { sequence: firstSequence = 0 } = batches[0]?.batch ?? {};
  const lastSequence = firstSequence + batches.length - 1;
  const found: number[] = [];
  const at = async (name: string, key: string, where: string): Promise<number | undefined> => {
    const columns = tables.some((table) => table.name === name) ? rowColumns : "*";
    const [one = "", other = ""] = ["a", "kept"].map(
      (place) => `SELECT ${columns} FROM ${place}.${name} AS stored WHERE ${where}`,
    );
    return leastDifference(connection, { key, one, other });
  };
  const range = `position >= ${first} AND position < ${end}`;
  for (const name of [...positioned, ...tables.map((table) => table.name)]) {
    const position = await at(name, "position", range);
    if (position !== undefined)
      found.push(sequenceOf(batches, (batch) => batch.firstPosition + batch.count > position));
  }
  const sequence = await at(
    "batch",
    "sequence",
    `sequence BETWEEN ${firstSequence} AND ${lastSequence}`,
  );
  if (sequence !== undefined) found.push(sequence);
  const numbers = batches.flatMap(({ batch }) => batch.accounts.map((account) => account.number));
  const least = Math.min(...numbers.slice(0, 1));
  if (numbers.length > 0) {
    const number = await at(
      "account",
      "number",
      `number BETWEEN ${least} AND ${least + numbers.length - 1}`,
    );
    if (number !== undefined) {
      found.push(sequenceOf(batches, ({ accounts }) => (accounts.at(-1)?.number ?? -1) >= number));
    }
  }
  return found.length === 0 ? undefined : Math.min(...found);
};

const sequenceOf = (batches: readonly LinkedBatch[], isIt: (batch: Batch) => boolean): number => {
  const found = batches.find(({ batch }) => isIt(batch));
  if (found === undefined) throw new Error("a difference is in one of the batches compared");
  return found.batch.sequence;
};

const broken = (sequence: number, reason: string): LedgerVerdict => ({
  kind: "broken",
  sequence,
  reason,
});

interface Place {
  readonly database: UsageDatabase;
  readonly tables: MeterTables;
  readonly recent: RecentRows;
}

const verifyStep = async (
  { database, tables, recent }: Place,
  batches: readonly LinkedBatch[],
): Promise<number | undefined> => {
  const unknown = batches.find(({ batch }) =>
    batch.rows.some(({ layout }) => tables.fitting(layout) === undefined),
  );
  if (unknown !== undefined) return unknown.batch.sequence;
  await recent.add(batches);
  const sequence = await compare(database.writer, stepOf(batches), tables.all);
  await database.writer.run(recent.renewal("a"));
  recent.renewed("a");
  return sequence;
};

/** Entries of the file that no batch of it has. */
const beyond = async ({ database, tables }: Place, end: Step): Promise<boolean> => {
  for (const name of [...positioned, ...tables.all.map((table) => table.name)]) {
    const [row] = await rowsOf(
      database.writer,
      `SELECT count(*) FROM kept.${name} WHERE position >= ${end.end} OR position < 0`,
    );
    if (integer(row?.[0]) > 0) return true;
  }
  return false;
};

/** Walks the chain and compares with each batch what the file has of it. */
const verify = async (place: Place, folder: string): Promise<LedgerVerdict> => {
  const { database } = place;
  const [row] = await rowsOf(database.writer, "SELECT coalesce(max(sequence), 0) FROM kept.batch");
  const kept = integer(row?.[0]);
  let last = { sequence: 0, hash: noHash };
  let end = stepOf([]);
  let batches: LinkedBatch[] = [];
  let rows = 0;
  for await (const { sequence, hash, payload } of recordsAfter(folder, last)) {
    last = { sequence, hash };
    if (sequence > kept) continue;
    const batch = decodeBatch(payload);
    batches.push({ batch, hash });
    rows += batch.count;
    if (rows < rowsPerStep && sequence < kept) continue;
    const wrong = await verifyStep(place, batches);
    if (wrong !== undefined)
      return broken(wrong, "the usage store holds it otherwise than the journal");
    end = stepOf(batches);
    batches = [];
    rows = 0;
  }
  if (last.sequence < kept) return broken(last.sequence + 1, "the journal ends before it");
  if (await beyond(place, end)) return broken(kept + 1, "there are entries of no batch");
  return { kind: "sound", batches: last.sequence, head: last.hash };
};

/** Opens the file of a server that is stopped to be read. Throws `DirectoryInUse` while a server runs. */
const withFile = async <T>(path: string, work: (place: Place) => Promise<T>): Promise<T> => {
  const database = await UsageDatabase.open({ path, ...limits, isReadOnly: true });
  try {
    const tables = new MeterTables();
    await tables.load(database.writer);
    return await work({ database, tables, recent: new RecentRows(database, tables, new Turns()) });
  } finally {
    database.close();
  }
};

const brokenWhereDamaged = (error: unknown): LedgerVerdict => {
  if (error instanceof JournalDamaged) return broken(error.sequence, error.message);
  throw error;
};

const verifyPlace = (place: Place, path: string): Promise<LedgerVerdict> =>
  verify(place, journalFolder(path)).catch(brokenWhereDamaged);

/** Brings the file up to the last batch of the journal. */
const settle = async (path: string): Promise<void> => {
  const moves = { quietMs: 60_000, rowsMin: Infinity };
  const log = await UsageJournalLog.open({ path, ...limits, moves }, () => undefined);
  await log.settle().finally(() => log.close());
};

/** As after a restore. Where no journal is, either, it may be the wrong folder: nothing is made there. */
const isJournalAlone = (path: string): boolean =>
  !existsSync(path) && existsSync(journalFolder(path));

/** Walks the chain of batches from the first one, and compares with it what queries are answered from. */
export const verifyLedger = async (path: string): Promise<LedgerVerdict> => {
  try {
    if (isJournalAlone(path)) await settle(path);
  } catch (error) {
    return brokenWhereDamaged(error);
  }
  return withFile(path, (place) => verifyPlace(place, path));
};

/** A number is written as its parts, such as `125e-2`: exact, whatever reads it. */
const exportSql = (table: MeterTable, counting: string): string => {
  const entries = table.fields.map((field) => {
    const column = mantissaColumn(field);
    const value = field.isNumeric ? `${column} || 'e' || (-${scaleColumn(field)})` : column;
    return `{key: ${literal(field.code)}, value: ${value}}`;
  });
  const values = `map_from_entries(list_filter([${entries.join(", ")}], lambda entry: entry.value IS NOT NULL))`;
  return `SELECT stored.position, account.org_id, ${literal(table.meterId)} AS meter_id,
            account.account_id, ${uidSql("stored")} AS uid, stored.ts, stored.ets,
            stored.position IN (SELECT hides FROM correction) AS is_corrected,
            ${table.backfillId === undefined ? "NULL::VARCHAR" : literal(table.backfillId)} AS backfill_id,
            stored.position IN (SELECT position FROM ${counting}) AS is_counted, ${values} AS "values"
          FROM ${table.storedName} AS stored JOIN account ON account.number = stored.account`;
};

/** The view of what counts of the table's meter. */
const countingIn = (tables: MeterTables, { orgId, meterId }: MeterTable): string => {
  const meter = tables.find(orgId, meterId);
  if (meter === undefined) throw new Error("a backfill has rows of meters that have tables");
  return meter.rowsName;
};

/** Writes every row to a Parquet file whose metadata names the head of the chain; only if the chain is sound. */
export const exportLedger = async (path: string, file: string): Promise<LedgerVerdict> => {
  await settle(path);
  return withFile(path, async (place) => {
    const verdict = await verifyPlace(place, path);
    if (verdict.kind === "broken" || verdict.batches === 0) return verdict;
    const rows = place.tables.all
      .map((table) => exportSql(table, countingIn(place.tables, table)))
      .join(" UNION ALL ");
    await place.database.writer.run(
      `COPY (${rows}) TO ${literal(file)} (FORMAT parquet, KV_METADATA {
         ledger_batches: '${verdict.batches}', ledger_head: '${verdict.head}' })`,
    );
    return verdict;
  });
};
