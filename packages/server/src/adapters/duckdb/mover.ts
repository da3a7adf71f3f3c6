import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { type Generation, sharedTables, type UsageDatabase } from "./database.ts";
import { inTransaction } from "./meter-tables.ts";
import type { Pins } from "./pins.ts";
import type { RecentRows } from "./recent-rows.ts";

/** What a row may need on its way into the file. */
const bytesPerRow = 500;
const bytesAlways = 16 * 1024 * 1024;

/** There is not enough room to move rows without the risk of failing half-way, which DuckDB does not take well. */
export class NoRoom extends Error {
  override readonly name = "NoRoom";
}

const checkRoom = async (path: string, rows: number): Promise<void> => {
  const { bavail, bsize } = await statfs(dirname(path));
  if (bavail * bsize < bytesAlways + rows * bytesPerRow)
    throw new NoRoom("the disk is nearly full");
};

interface Move {
  readonly database: UsageDatabase;
  readonly recent: RecentRows;
  readonly generation: Generation;
  readonly pins: Pins;
}

/**
 * Moves a generation into the file, in the order of accounts: DuckDB skips a group of rows when its least and greatest
 * account tell that the account is not in it, which in the order of receipt is never so. Every second account stands
 * there backwards: where one ends the next begins near it in time, so that what rises with time (ts, position, numbers
 * of uids) is stored as small differences throughout. A transaction writes to one
 * database only, so the file gets the rows first and memory forgets them afterwards; nobody begins to read in between.
 */
export const moveRows = async (connection: DuckDBConnection, move: Move): Promise<void> => {
  const { database, recent, generation, pins } = move;
  await checkRoom(database.options.path, recent.rows(generation));
  await connection.run("BEGIN");
  try {
    for (const { name } of recent.tables(generation)) {
      await connection.run(
        `INSERT INTO kept.${name} SELECT * FROM ${generation}.${name}
         ORDER BY account, CASE WHEN account % 2 = 0 THEN epoch_us(ts) ELSE -epoch_us(ts) END`,
      );
    }
    for (const name of Object.keys(sharedTables)) {
      await connection.run(`INSERT INTO kept.${name} SELECT * FROM ${generation}.${name}`);
    }
  } catch (cause) {
    await connection.run("ROLLBACK").catch(() => undefined);
    throw cause;
  }
  await pins.move(async () => {
    await connection.run("COMMIT");
    await inTransaction(connection, () => connection.run(recent.renewal(generation)));
    recent.renewed(generation);
  });
  await connection.run("CHECKPOINT kept");
};
