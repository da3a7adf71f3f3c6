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
    sequence BIGINT, first_position BIGINT, count INTEGER, received_at TIMESTAMP, hash VARCHAR
  );
  CREATE TABLE IF NOT EXISTS correction (
    position BIGINT, hides BIGINT, org_id VARCHAR, uid VARCHAR, digest VARCHAR, corrected_by VARCHAR, reason VARCHAR
  );
`;

const isLockConflict = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("Could not set lock on file");

/** Opens or creates the file; DuckDB's lock on it makes this process its only user. */
const openInstance = (options: DatabaseOptions): Promise<DuckDBInstance> =>
  DuckDBInstance.create(options.path, {
    memory_limit: options.memoryLimit,
    threads: options.threads.toString(),
    checkpoint_threshold: options.checkpointThreshold,
    preserve_insertion_order: "false",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  }).catch((cause: unknown) => {
    if (isLockConflict(cause)) throw new DirectoryInUse(options.path, { cause });
    throw cause;
  });

interface Open {
  readonly instance: DuckDBInstance;
  /** Writes; used by one group at a time. */
  readonly writer: DuckDBConnection;
}

const open = async (options: DatabaseOptions): Promise<Open> => {
  const instance = await openInstance(options);
  const writer = await instance.connect();
  await writer.run(schema);
  await writer.run("INSERT INTO store SELECT $1::BLOB WHERE NOT EXISTS (FROM store)", [
    blobValue(randomBytes(32)),
  ]);
  return { instance, writer };
};

/** The file and its connections. */
export class UsageDatabase {
  readonly options: DatabaseOptions;
  #open: Open;
  #generation = 0;

  private constructor(options: DatabaseOptions, opened: Open) {
    this.options = options;
    this.#open = opened;
  }

  static async open(options: DatabaseOptions): Promise<UsageDatabase> {
    return new UsageDatabase(options, await open(options));
  }

  get writer(): DuckDBConnection {
    return this.#open.writer;
  }

  /** Counts the times the file was opened: connections of an earlier one are dead. */
  get generation(): number {
    return this.#generation;
  }

  connect(): Promise<DuckDBConnection> {
    return this.#open.instance.connect();
  }

  /** DuckDB refuses everything once a write has failed at a bad moment, such as on a full disk, until it is opened anew. */
  async reopen(): Promise<void> {
    this.#generation++;
    this.close();
    this.#open = await open(this.options);
  }

  close(): void {
    this.#open.writer.closeSync();
    this.#open.instance.closeSync();
  }
}
