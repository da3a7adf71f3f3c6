import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { AccountNumbers } from "./accounts.ts";
import { batchHash, noHash } from "./batch-hash.ts";
import { integer, rowsOf, text } from "./cells.ts";
import { mantissaColumn, type MeterTable, MeterTables, scaleColumn } from "./meter-tables.ts";
import { literal } from "./relation.ts";
import { type PositionRange, readBatchCorrections, readBatchRows } from "./stored-batches.ts";

/** The end of an unbroken chain, or the first batch that is not what it was when it was committed. */
export type LedgerVerdict =
  | { readonly kind: "sound"; readonly batches: number; readonly head: string }
  | { readonly kind: "broken"; readonly sequence: number; readonly reason: string };

/** Opens the usage store of a server that is stopped. */
const withFile = async <T>(
  path: string,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> => {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
};

interface PlacedTable {
  readonly table: MeterTable;
  readonly first: number;
  readonly last: number;
}

/** Tables with their least and greatest position: a batch need not ask those that lie elsewhere. */
const placed = async (
  connection: DuckDBConnection,
  tables: readonly MeterTable[],
): Promise<readonly PlacedTable[]> => {
  const places: PlacedTable[] = [];
  for (const table of tables) {
    const [row] = await rowsOf(
      connection,
      `SELECT coalesce(min(position), 0), coalesce(max(position), -1) FROM ${table.storedName}`,
    );
    places.push({ table, first: integer(row?.[0]), last: integer(row?.[1]) });
  }
  return places;
};

const tablesAt = (
  places: readonly PlacedTable[],
  { firstPosition, count }: PositionRange,
): readonly MeterTable[] =>
  places
    .filter(({ first, last }) => first < firstPosition + count && last >= firstPosition)
    .map(({ table }) => table);

const verify = async (connection: DuckDBConnection): Promise<LedgerVerdict> => {
  const accounts = new AccountNumbers();
  const tables = new MeterTables();
  await accounts.load(connection);
  await tables.load(connection);
  const batches = await rowsOf(
    connection,
    `SELECT sequence, first_position, count, epoch_ms(received_at), hash FROM batch
     ORDER BY sequence`,
  );
  const places = await placed(connection, tables.all);
  let previousHash = noHash;
  let sequence = 0;
  let nextPosition = 0;
  for (const [stored, first, counted, receivedAt, hash] of batches) {
    sequence++;
    const broken = (reason: string) => ({ kind: "broken" as const, sequence, reason });
    if (integer(stored) !== sequence) return broken("the batch is missing");
    const range = { firstPosition: integer(first), count: integer(counted) };
    if (range.firstPosition !== nextPosition) return broken("the batch begins elsewhere");
    const expected = batchHash(
      {
        previousHash,
        sequence,
        ...range,
        receivedAtMs: integer(receivedAt),
        rows: await readBatchRows(connection, tablesAt(places, range), range),
        corrections: await readBatchCorrections(connection, range),
      },
      accounts,
    );
    if (expected !== hash) return broken("the batch has another hash than its content");
    previousHash = expected;
    nextPosition += range.count;
  }
  for (const name of ["correction", ...tables.all.map(({ storedName }) => storedName)]) {
    const [row] = await rowsOf(
      connection,
      `SELECT count(*) FROM ${name} WHERE position >= ${nextPosition}`,
    );
    if (integer(row?.[0]) === 0) continue;
    return { kind: "broken", sequence: sequence + 1, reason: "there are entries of no batch" };
  }
  return { kind: "sound", batches: sequence, head: previousHash };
};

/** Walks the chain of batches from the first one. */
export const verifyLedger = (path: string): Promise<LedgerVerdict> => withFile(path, verify);

/** A number is written as its parts, such as `125e-2`: exact, whatever reads it. */
const exportSql = (table: MeterTable): string => {
  const entries = table.fields.map((field) => {
    const column = mantissaColumn(field);
    const value = field.isNumeric ? `${column} || 'e' || (-${scaleColumn(field)})` : column;
    return `{key: ${literal(field.code)}, value: ${value}}`;
  });
  const values = `map_from_entries(list_filter([${entries.join(", ")}], lambda entry: entry.value IS NOT NULL))`;
  return `SELECT stored.position, account.org_id, ${literal(table.meterId)} AS meter_id,
            account.account_id, stored.uid, stored.ts, stored.ets,
            stored.position IN (SELECT hides FROM correction) AS is_corrected, ${values} AS "values"
          FROM ${table.storedName} AS stored JOIN account ON account.number = stored.account`;
};

/** Writes every row to a Parquet file whose metadata names the head of the chain; only if the chain is sound. */
export const exportLedger = (path: string, file: string): Promise<LedgerVerdict> =>
  withFile(path, async (connection) => {
    const verdict = await verify(connection);
    if (verdict.kind === "broken" || verdict.batches === 0) return verdict;
    const tables = new MeterTables();
    await tables.load(connection);
    const rows = tables.all.map(exportSql).join(" UNION ALL ");
    await connection.run(
      `COPY (${rows}) TO ${literal(file)} (FORMAT parquet, KV_METADATA {
         ledger_batches: '${verdict.batches}', ledger_head: '${text(verdict.head)}' })`,
    );
    return verdict;
  });
