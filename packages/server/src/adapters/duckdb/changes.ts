import type { DuckDBConnection } from "@duckdb/node-api";
import { batchOf, type UsageMark, type WatchedUsage } from "../../ports/usage-changes.ts";
import { noHash } from "../journal/segment.ts";
import type { AccountNumbers } from "./accounts.ts";
import { replacedSql } from "./backfills.ts";
import { integer, rowsOf, text } from "./cells.ts";
import type { MeterTable } from "./meter-table.ts";
import type { MeterTables } from "./meter-tables.ts";
import type { MicrosWindow } from "./relation.ts";

/** What was stored, voided or amended since something was calculated from it. */
export interface ChangedQuestion {
  readonly orgId: string;
  readonly watched: readonly (Omit<WatchedUsage, "sources"> & {
    readonly sources: readonly { readonly accountId: string; readonly window: MicrosWindow }[];
  })[];
}

/** The last batch by its number and its hash, which is chained to every batch before it. */
export const markOf = (sequence: number, hash: string): UsageMark => `${sequence}.${hash}`;

const emptyMark = markOf(0, noHash);

/** The first position after each mark; none for a mark of batches that this store does not hold. */
const positionsOf = async (
  connection: DuckDBConnection,
  marks: ReadonlySet<UsageMark>,
): Promise<ReadonlyMap<UsageMark, number>> => {
  const sequences = [...marks].map(batchOf).filter(Number.isSafeInteger);
  const rows = await rowsOf(
    connection,
    `SELECT sequence, hash, first_position + count FROM batch
     WHERE sequence IN (${[-1, ...new Set(sequences)].join(", ")})`,
  );
  return new Map([
    [emptyMark, 0],
    ...rows.map(([sequence, hash, end]): [UsageMark, number] => [
      markOf(integer(sequence), text(hash)),
      integer(end),
    ]),
  ]);
};

/** A window that is watched from a position on. */
interface Watch {
  readonly place: number;
  readonly account: number;
  readonly window: MicrosWindow;
  readonly since: number;
}

/** Enough for the bills of two years to be looked at apart, where what is new in one is old in the next. */
const sharesMax = 24;

/**
 * Bills of one run look for the same rows. Else neighbours in time together: of what came after a share's first mark
 * little is as old as its windows.
 */
const shares = (watches: readonly Watch[]): readonly (readonly Watch[])[] => {
  const inOrder = watches.toSorted((a, b) => a.window.end - b.window.end || a.since - b.since);
  const alike = Map.groupBy(
    inOrder,
    ({ window: { start, end }, since }) => `${start} ${end} ${since}`,
  );
  const groups = [...alike.values()];
  const size = Math.max(1, Math.ceil(groups.length / sharesMax));
  return Array.from({ length: Math.ceil(groups.length / size) }, (_, nth) =>
    groups.slice(nth * size, (nth + 1) * size).flat(),
  );
};

/** A step of a backfill made rows count that did not, or the other way round. */
interface Turn {
  readonly position: number;
  /** SQL of the account and ts of the rows. */
  readonly rows: readonly string[];
}

/** What the steps of backfills changed in a meter, and the tables of which rows count. */
const turnsOf = (meter: MeterTable, tables: MeterTables): readonly Turn[] => {
  const own = new Map(tables.backfillsOf(meter).map((table) => [table.backfillId, table]));
  return tables.steps.of(meter.orgId).flatMap((backfill): readonly Turn[] => {
    const { backfillId, revealedAt, revertedAt } = backfill;
    const counted = own.get(backfillId);
    const replaced = [meter, ...own.values()].flatMap((table) => {
      const steps = table.backfillId === undefined ? undefined : tables.steps;
      const where = replacedSql(table, backfill, steps?.find(meter.orgId, table.backfillId ?? ""));
      return where === undefined ? [] : [`${table.storedName} AS stored WHERE ${where}`];
    });
    const from = [...replaced, ...(counted ? [`${counted.storedName} AS stored WHERE true`] : [])];
    const rows = from.map((one) => `SELECT stored.account, stored.ts FROM ${one}`);
    return [revealedAt, revertedAt].flatMap((position) =>
      position === undefined || rows.length === 0 ? [] : [{ position, rows }],
    );
  });
};

/** Tables and steps that what counts of a meter comes from. */
interface Origins {
  readonly storedNames: readonly string[];
  readonly turns: readonly Turn[];
}

const originsOf = (meter: MeterTable, tables: MeterTables): Origins => {
  const isCounting = ({ orgId, backfillId = "" }: MeterTable): boolean =>
    tables.steps.find(orgId, backfillId).state === "revealed";
  const counting = [meter, ...tables.backfillsOf(meter).filter(isCounting)];
  return {
    storedNames: counting.map(({ storedName }) => storedName),
    turns: turnsOf(meter, tables),
  };
};

/**
 * What was stored since the first mark of a share and is as old as its windows, by columns alone, as `late`. A hidden
 * row changed when its correction came, and the rows of a backfill, with those that it replaces, when it was revealed
 * and when it was reverted.
 */
const lateSql = (
  { storedNames, turns }: Origins,
  share: readonly Watch[],
  lastCorrection: number,
): string => {
  const start = share.reduce((least, { window }) => Math.min(least, window.start), Infinity);
  const end = share.reduce((most, { window }) => Math.max(most, window.end), -Infinity);
  const since = share.reduce((least, watch) => Math.min(least, watch.since), Infinity);
  const inTime = `ts >= make_timestamp(${start}) AND ts < make_timestamp(${end})`;
  const stored = storedNames.map(
    (name) => `SELECT account, ts, position FROM ${name} WHERE position >= ${since} AND ${inTime}`,
  );
  const hidden = storedNames.map(
    (name) =>
      `SELECT usage.account, usage.ts, correction.position FROM ${name} AS usage
       JOIN correction ON usage.position = correction.hides
       WHERE correction.position >= ${since} AND ${inTime}`,
  );
  const turned = turns
    .filter(({ position }) => position >= since)
    .flatMap(({ position, rows }) =>
      rows.map((one) => `SELECT account, ts, ${position} FROM (${one}) WHERE ${inTime}`),
    );
  const late = [...stored, ...(lastCorrection >= since ? hidden : []), ...turned];
  return `WITH late(account, ts, position) AS (${late.join(" UNION ALL ")})`;
};

const changedSql = (late: string, watches: readonly Watch[]): string => {
  const rows = watches.map(
    ({ place, account, window, since }) =>
      `(${place}, ${account}, make_timestamp(${window.start}), make_timestamp(${window.end}), ${since})`,
  );
  return `${late}
    SELECT DISTINCT watch.place FROM late
    JOIN (VALUES ${rows.join(", ")}) AS watch(place, account, starts, ends, since)
      ON late.account = watch.account AND late.ts >= watch.starts AND late.ts < watch.ends
        AND late.position >= watch.since`;
};

/** First whose rows came late at all: mostly nobody's, and to write down every window costs more than to look. */
const changedPlaces = async (
  connection: DuckDBConnection,
  late: string,
  share: readonly Watch[],
): Promise<readonly number[]> => {
  const found = await rowsOf(connection, `${late} SELECT DISTINCT account FROM late`);
  const accounts = new Set(found.map(([account]) => integer(account)));
  const watches = share.filter(({ account }) => accounts.has(account));
  if (watches.length === 0) return [];
  const places = await rowsOf(connection, changedSql(late, watches));
  return places.map(([place]) => integer(place));
};

interface Source {
  readonly tables: MeterTables;
  readonly accounts: AccountNumbers;
}

export const changed = async (
  connection: DuckDBConnection,
  { tables, accounts }: Source,
  { orgId, watched }: ChangedQuestion,
): Promise<readonly number[]> => {
  const positions = await positionsOf(connection, new Set(watched.map(({ since }) => since)));
  const [corrected] = await rowsOf(
    connection,
    "SELECT coalesce(max(position), -1) FROM correction",
  );
  const lastCorrection = integer(corrected?.[0]);
  const found = new Set<number>();
  const watches = new Map<MeterTable, Watch[]>();
  for (const [place, { meterId, sources, since: mark }] of watched.entries()) {
    const since = positions.get(mark);
    const table = tables.find(orgId, meterId);
    if (since === undefined) found.add(place);
    if (since === undefined || table === undefined) continue;
    const ofTable = watches.get(table) ?? [];
    watches.set(table, ofTable);
    for (const { accountId, window } of sources) {
      const account = accounts.find(orgId, accountId);
      if (account !== undefined) ofTable.push({ place, account, window, since });
    }
  }
  for (const [table, ofTable] of watches) {
    const origins = originsOf(table, tables);
    for (const share of shares(ofTable)) {
      const late = lateSql(origins, share, lastCorrection);
      for (const place of await changedPlaces(connection, late, share)) found.add(place);
    }
  }
  return [...found].toSorted((a, b) => a - b);
};
