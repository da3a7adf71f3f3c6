import { DuckDBBlobValue } from "@duckdb/node-api";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { StoredUids } from "../../ports/usage-log.ts";
import type { UsageDatabase } from "./database.ts";
import type { MeterTable, MeterTables } from "./meter-tables.ts";

/** Rows whose uids are read as one value: a call into DuckDB for each string would take most of the start. */
const runBits = 13;
const runLength = 1 << runBits;

/** Rows whose uids are packed by one query, which bounds the memory of the start. */
const positionsPerQuery = runLength * 64;

/** Two digits of the length and three of the place in the run, to base 64 from character 33, stand before each uid. */
const headerLength = 5;
const digit = (expression: string): string => `chr(CAST(33 + (${expression}) AS INTEGER))`;
const header = [
  digit("strlen(uid) // 64"),
  digit("strlen(uid) % 64"),
  digit(`(position % ${runLength}) // 4096`),
  digit("(position // 64) % 64"),
  digit("position % 64"),
].join(" || ");

interface Scope {
  readonly receivedAtMs: number;
  readonly tables: MeterTables;
  readonly nextPosition: number;
}

/** When the rows from a position on were received; `first` ascending. */
interface Receipts {
  readonly first: readonly number[];
  readonly seconds: readonly number[];
}

const readReceipts = async (connection: DuckDBConnection, sinceMs: number): Promise<Receipts> => {
  const batches = await connection.runAndReadAll(
    `SELECT first_position::DOUBLE, epoch(received_at)::DOUBLE FROM batch
     WHERE received_at >= make_timestamp(${sinceMs * 1000}) ORDER BY sequence`,
  );
  const [first = [], seconds = []] = batches.getColumnsJS();
  return { first: first.map(Number), seconds: seconds.map(Number) };
};

/** The seconds of receipt of the positions of one run. */
const secondsOfRun = ({ first, seconds }: Receipts, runStart: number): Uint32Array => {
  const ofRun = new Uint32Array(runLength);
  let batch = first.findLastIndex((position) => position <= runStart);
  for (let offset = 0; offset < runLength; offset++) {
    while ((first[batch + 1] ?? Infinity) <= runStart + offset) batch++;
    ofRun[offset] = Math.floor(seconds[batch] ?? 0);
  }
  return ofRun;
};

/** Takes the headers out of a run: where each uid ends in what is left, and when it was received. */
const unpack = (packed: Uint8Array, received: Uint32Array): Omit<StoredUids, "orgId"> => {
  const bytes = new Uint8Array(packed.length);
  const ends: number[] = [];
  const seconds: number[] = [];
  let end = 0;
  const value = (at: number): number => (packed[at] ?? 0) - 33;
  for (let at = 0; at < packed.length;) {
    const length = value(at) * 64 + value(at + 1);
    const offset = value(at + 2) * 4096 + value(at + 3) * 64 + value(at + 4);
    const start = at + headerLength;
    bytes.set(packed.subarray(start, start + length), end);
    end += length;
    ends.push(end);
    seconds.push(received[offset] ?? 0);
    at = start + length;
  }
  return { bytes, ends: Uint32Array.from(ends), seconds: Uint32Array.from(seconds) };
};

interface Piece {
  readonly table: MeterTable;
  readonly start: number;
  readonly end: number;
}

const readPiece = async function* (
  connection: DuckDBConnection,
  { table, start, end }: Piece,
  receipts: Receipts,
): AsyncGenerator<StoredUids> {
  const result = await connection.runAndReadAll(
    `SELECT (position // ${runLength})::DOUBLE, encode(string_agg(${header} || uid, ''))
     FROM ${table.storedName} WHERE position >= ${start} AND position < ${end} GROUP BY 1`,
  );
  for (const [run, packed] of result.getRows()) {
    if (!(packed instanceof DuckDBBlobValue)) throw new Error("encode() gives a blob");
    const received = secondsOfRun(receipts, Number(run) * runLength);
    yield { orgId: table.orgId, ...unpack(packed.bytes, received) };
  }
};

export const readUids = async function* (
  database: UsageDatabase,
  { receivedAtMs, tables, nextPosition }: Scope,
): AsyncGenerator<StoredUids> {
  const connection = await database.connect();
  try {
    const receipts = await readReceipts(connection, receivedAtMs);
    const first = receipts.first[0] ?? nextPosition;
    for (let start = first; start < nextPosition; start += positionsPerQuery) {
      const end = start + positionsPerQuery;
      for (const table of tables.all) yield* readPiece(connection, { table, start, end }, receipts);
    }
  } finally {
    connection.closeSync();
  }
};
