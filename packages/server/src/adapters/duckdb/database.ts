import { randomBytes } from "node:crypto";
import { rename } from "node:fs/promises";
import { blobValue, DuckDBInstance } from "@duckdb/node-api";
import type { DuckDBConnection } from "@duckdb/node-api";
import { DirectoryInUse } from "../../ports/usage-store.ts";

export interface DatabaseOptions {
  readonly path: string;
  /** What DuckDB may keep in memory before it spills or fails a query. */
  readonly memoryLimit: string;
  readonly threads: number;
  /** The file is only read, and no server may have it. */
  readonly isReadOnly?: boolean;
}

/** Rows that are not in the file yet, in memory: one generation fills while the other moves into the file. */
export const generations = ["a", "b"] as const;
export type Generation = (typeof generations)[number];

/** Kept in the file and, for recent rows, in each generation; under their names stand views over all three. */
export const sharedTables = {
  account: "(number INTEGER, org_id VARCHAR, account_id VARCHAR)",
  batch:
    "(sequence BIGINT, first_position BIGINT, count INTEGER, received_at TIMESTAMP, hash VARCHAR)",
  correction:
    "(position BIGINT, hides BIGINT, org_id VARCHAR, uid VARCHAR, digest VARCHAR, corrected_by VARCHAR, reason VARCHAR)",
  backfill:
    "(position BIGINT, org_id VARCHAR, backfill_id VARCHAR, step VARCHAR, replaces VARCHAR, requested_by VARCHAR)",
} as const;

/** There are no indexes: DuckDB would have to keep them in memory. */
const keptSchema = [
  "CREATE TABLE IF NOT EXISTS kept.store (secret BLOB)",
  "CREATE TABLE IF NOT EXISTS kept.meter (number INTEGER, org_id VARCHAR, meter_id VARCHAR, backfill_id VARCHAR)",
  "CREATE TABLE IF NOT EXISTS kept.field (meter INTEGER, number INTEGER, code VARCHAR, category VARCHAR)",
  ...Object.entries(sharedTables).map(
    ([name, columns]) => `CREATE TABLE IF NOT EXISTS kept.${name} ${columns}`,
  ),
].join("; ");

/** The kept rows of a table and both generations of recent ones. */
export const everywhereSql = (name: string): string =>
  ["kept", ...generations].map((place) => `SELECT * FROM ${place}.${name}`).join(" UNION ALL ");

const recentSchema = [
  ...generations.map((generation) => `CREATE SCHEMA ${generation}`),
  ...Object.entries(sharedTables).flatMap(([name, columns]) => [
    ...generations.map((generation) => `CREATE TABLE ${generation}.${name} ${columns}`),
    `CREATE VIEW ${name} AS ${everywhereSql(name)}`,
  ]),
].join("; ");

/**
 * Rows are sorted by account: the fewer stand in a group, the fewer of other accounts a query reads. So many fill blocks
 * well: of columns of four bytes a row, and of sixteen.
 */
const rowGroupSize = 16_384;
/** Bytes. The columns of so small a group leave much of DuckDB's usual quarter of a megabyte empty. */
const blockSize = 65_536;

const isLockConflict = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("Could not set lock on file");

const attach = async (
  connection: DuckDBConnection,
  { path, isReadOnly = false }: DatabaseOptions,
): Promise<void> => {
  const mode = isReadOnly ? "READ_ONLY" : `ROW_GROUP_SIZE ${rowGroupSize}, BLOCK_SIZE ${blockSize}`;
  try {
    await connection.run(`ATTACH '${path.replaceAll("'", "''")}' AS kept (${mode})`);
  } catch (cause) {
    if (isLockConflict(cause)) throw new DirectoryInUse(path, { cause });
    throw cause;
  }
  if (isReadOnly) return;
  await connection.run(keptSchema);
  await connection.run(
    "INSERT INTO kept.store SELECT $1::BLOB WHERE NOT EXISTS (FROM kept.store)",
    [blobValue(randomBytes(32))],
  );
};

interface Open {
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
}

const open = async (options: DatabaseOptions): Promise<Open> => {
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: options.memoryLimit,
    threads: options.threads.toString(),
    // Otherwise rows that are appended are first gathered for each thread and then copied.
    preserve_insertion_order: "true",
    // A commit of so much would have DuckDB compress the rows in memory, which takes more than adding them. The file has
    // checkpoints of its own.
    checkpoint_threshold: "1TB",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const writer = await instance.connect();
  try {
    await attach(writer, options);
    await writer.run(recentSchema);
  } catch (cause) {
    writer.closeSync();
    instance.closeSync();
    throw cause;
  }
  return { instance, writer };
};

/**
 * A database in memory for recent rows, with the file attached to it as `kept`. DuckDB's lock on the file makes this
 * process its only user.
 */
export class UsageDatabase {
  readonly options: DatabaseOptions;
  #open: Open;
  #isOpen = true;

  private constructor(options: DatabaseOptions, opened: Open) {
    this.options = options;
    this.#open = opened;
  }

  static async open(options: DatabaseOptions): Promise<UsageDatabase> {
    return new UsageDatabase(options, await open(options));
  }

  /** Adds recent rows; used by one transaction at a time. */
  get writer(): DuckDBConnection {
    return this.#open.writer;
  }

  connect(): Promise<DuckDBConnection> {
    return this.#open.instance.connect();
  }

  /** Forgets the recent rows and opens the file anew. No other connection may be open. */
  async reopen(): Promise<void> {
    this.close();
    await this.#openAnew();
  }

  /** Moves the file out of the way and begins a new one; returns where the old one is. */
  async replace(): Promise<string> {
    this.close();
    const aside = await setAside(this.options.path);
    await this.#openAnew();
    return aside;
  }

  async #openAnew(): Promise<void> {
    this.#open = await open(this.options);
    this.#isOpen = true;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#open.writer.closeSync();
    this.#open.instance.closeSync();
  }
}

/** A block of the file is not what DuckDB wrote, whatever was asked for. */
export const isBrokenBlock = (error: unknown): boolean =>
  error instanceof Error && /Corrupt database file|computed checksum/.test(error.message);

/** The file does not open because its content is not what DuckDB wrote. */
export const isDamage = (error: unknown): boolean =>
  error instanceof Error &&
  /corrupt|checksum|not a valid DuckDB|replaying WAL|serializ|metadata pointer|INTERNAL Error/i.test(
    error.message,
  );

/** Moves the file out of the way, for whoever wants to look into it; returns where it is now. */
export const setAside = async (path: string): Promise<string> => {
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(":", "")}`;
  await rename(path, aside);
  await rename(`${path}.wal`, `${aside}.wal`).catch(() => undefined);
  return aside;
};
