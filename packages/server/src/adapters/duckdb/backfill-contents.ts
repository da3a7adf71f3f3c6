import type { DuckDBConnection } from "@duckdb/node-api";
import type {
  BackfillContents,
  BackfilledMeter,
  BackfillKey,
} from "../../ports/usage-backfills.ts";
import type { StoredBackfill, StoredReplacement } from "../../ports/usage-log.ts";
import type { Aggregator } from "./aggregation.ts";
import { replacedSql } from "./backfills.ts";
import { integer, rowsOf, text } from "./cells.ts";
import type { MeterTable } from "./meter-table.ts";
import type { MeterTables } from "./meter-tables.ts";
import type { Readers } from "./readers.ts";
import { uidSql } from "./uid-columns.ts";

/** Every time that a measurement can have. */
const always = { start: -62_135_596_800_000_000, end: 253_402_300_800_000_000 };

/** Rows of the organization that would count beside those of the backfill: what it replaces is out. */
const countingSql = (table: MeterTable, replaces: StoredReplacement | undefined): string => {
  const own = { orgId: table.orgId, backfillId: "", state: "hidden", replaces } as const;
  const hidden = replacedSql(table, { ...own, revealedAt: Number.MAX_SAFE_INTEGER }, undefined);
  const where = hidden === undefined ? "" : `WHERE (${hidden}) IS NOT TRUE`;
  return `SELECT ${uidSql("stored")} FROM ${table.rowsName} AS stored ${where}`;
};

/** A uid of the backfill that something else has which would still count. */
const countedTwice = async (
  connection: DuckDBConnection,
  tables: MeterTables,
  {
    orgId,
    backfillId,
    replaces,
  }: BackfillKey & { readonly replaces: StoredReplacement | undefined },
): Promise<string | undefined> => {
  const own = tables.ofBackfill(orgId, backfillId);
  const others = tables.ordinary.filter((table) => table.orgId === orgId);
  if (own.length === 0 || others.length === 0) return undefined;
  const uids = own
    .map(({ rowsName }) => `SELECT ${uidSql("own")} FROM ${rowsName} AS own`)
    .join(" UNION ALL ");
  const counting = others.map((table) => countingSql(table, replaces)).join(" UNION ALL ");
  const [row] = await rowsOf(
    connection,
    `SELECT min(uid) FROM (${counting}) AS other(uid) SEMI JOIN (${uids}) AS own(uid) USING (uid)`,
  );
  const uid = row?.[0] ?? null;
  return uid === null ? undefined : text(uid);
};

export const inspect = async (
  connection: DuckDBConnection,
  tables: MeterTables,
  {
    orgId,
    backfillId,
    reveal,
  }: BackfillKey & {
    readonly reveal: { readonly replaces: StoredReplacement | undefined } | undefined;
  },
): Promise<StoredBackfill> => {
  const { state } = tables.steps.find(orgId, backfillId);
  if (reveal === undefined || state !== "hidden") return { state };
  return {
    state,
    countedTwice: await countedTwice(connection, tables, { orgId, backfillId, ...reveal }),
  };
};

const sumsOf = async (
  aggregator: Aggregator,
  table: MeterTable,
): Promise<Readonly<Record<string, string>>> => {
  const codes = new Set(table.fields.flatMap(({ code, isNumeric }) => (isNumeric ? [code] : [])));
  const sums: Record<string, string> = {};
  for (const fieldCode of codes) {
    const scope = { table, window: always, conditions: [] };
    const [sum] = await aggregator.groups(scope, { field: { fieldCode, method: "SUM" }, keys: [] });
    if (sum !== undefined && sum.value !== null) sums[fieldCode] = sum.value.toString();
  }
  return sums;
};

const isoOf = (micros: number): string =>
  Temporal.Instant.fromEpochNanoseconds(BigInt(micros) * 1000n).toString();

const meterOf = async (
  { readers, aggregator }: Reading,
  table: MeterTable,
): Promise<readonly BackfilledMeter[]> => {
  const [row] = await readers.use((connection) =>
    rowsOf(
      connection,
      `SELECT count(*), count(DISTINCT account), epoch_us(min(ts)), epoch_us(max(ts))
       FROM ${table.rowsName}`,
    ),
  );
  const [count, accounts, first = null, last] = row ?? [];
  if (first === null) return [];
  return [
    {
      meterId: table.meterId,
      measurements: integer(count),
      accounts: integer(accounts),
      firstTs: isoOf(integer(first)),
      lastTs: isoOf(integer(last)),
      sums: await sumsOf(aggregator, table),
    },
  ];
};

interface Reading {
  readonly readers: Readers;
  readonly aggregator: Aggregator;
}

/** What a backfill has, whether it counts or not. */
export const contentsOf = async (
  reading: Reading,
  tables: MeterTables,
  { orgId, backfillId }: BackfillKey,
): Promise<BackfillContents> => {
  await reading.readers.caughtUp();
  const meters: BackfilledMeter[] = [];
  for (const table of tables.ofBackfill(orgId, backfillId)) {
    meters.push(...(await meterOf(reading, table)));
  }
  return { state: tables.steps.find(orgId, backfillId).state, meters };
};
