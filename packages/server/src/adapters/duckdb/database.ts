import { randomBytes } from "node:crypto";
import { blobValue, DuckDBInstance } from "@duckdb/node-api";
import type { DuckDBConnection } from "@duckdb/node-api";
import { DirectoryInUse } from "../../ports/usage-store.ts";
import type { RowOrderOptions } from "./row-order.ts";

export interface DatabaseOptions {
  readonly path: string;
  /** What DuckDB may keep in memory before it spills or fails a query. */
  readonly memoryLimit: string;
  readonly threads: number;
  /**
   * How much of the write-ahead log, such as `32MB`, a commit lets grow before it moves the rows into the compressed
   * file. That commit takes as long as it takes; a checkpoint on another connection would block the appender instead,
   * and with it the thread that reads the next bodies.
   */
  readonly checkpointThreshold: string;
  /** When rows are put in the order of accounts. */
  readonly rowOrder: RowOrderOptions;
}

export interface UsageDatabase {
  readonly rowOrder: RowOrderOptions;
  readonly path: string;
  /** Writes; used by one group at a time. */
  readonly writer: DuckDBConnection;
  connect(): Promise<DuckDBConnection>;
  close(): void;
}

/**
 * The tables that exist from the start; each meter has one of its own, `usage_<number>` (see meter-tables.ts).
 * There are no indexes: DuckDB would have to keep them in memory.
 */
const schema = `
  CREATE TABLE IF NOT EXISTS store (secret BLOB);
  CREATE TABLE IF NOT EXISTS account (number INTEGER, org_id VARCHAR, account_id VARCHAR);
  CREATE TABLE IF NOT EXISTS meter (number INTEGER, org_id VARCHAR, meter_id VARCHAR);
  CREATE TABLE IF NOT EXISTS field (meter INTEGER, number INTEGER, code VARCHAR, category VARCHAR);
  CREATE TABLE IF NOT EXISTS batch (
    sequence BIGINT, first_position BIGINT, count INTEGER, received_at TIMESTAMP
  );
`;

const isLockConflict = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("Could not set lock on file");

/** Opens or creates the file; DuckDB's lock on it makes this process its only user. */
export const openUsageDatabase = async (options: DatabaseOptions): Promise<UsageDatabase> => {
  const { path, memoryLimit, threads } = options;
  const instance = await DuckDBInstance.create(path, {
    memory_limit: memoryLimit,
    threads: threads.toString(),
    checkpoint_threshold: options.checkpointThreshold,
    preserve_insertion_order: "false",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  }).catch((cause: unknown) => {
    if (isLockConflict(cause)) throw new DirectoryInUse(path, { cause });
    throw cause;
  });
  const writer = await instance.connect();
  await writer.run(schema);
  await writer.run("INSERT INTO store SELECT $1::BLOB WHERE NOT EXISTS (FROM store)", [
    blobValue(randomBytes(32)),
  ]);
  return {
    path,
    rowOrder: options.rowOrder,
    writer,
    connect: () => instance.connect(),
    close: () => {
      writer.closeSync();
      instance.closeSync();
    },
  };
};
