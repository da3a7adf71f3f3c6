import type { DuckDBConnection } from "@duckdb/node-api";
import { integer, rowsOf } from "./cells.ts";
import type { UsageDatabase } from "./database.ts";
import type { MeterTable, MeterTables } from "./meter-tables.ts";
import type { Turns } from "./turns.ts";

export interface RowOrderOptions {
  /** Nothing was committed for so long: sorting competes with nobody. */
  readonly quietMs: number;
  /** Fewer rows are scanned as fast as they are found. */
  readonly rowsMin: number;
}

/** Rows moved at once: commits wait for them, and the file needs room for so many twice. */
const rowsPerMove = 250_000;
/** So many unsorted rows slow queries down more than sorting slows ingest. */
const unsortedMax = 5_000_000;

/**
 * Moves rows from the order of receipt into the order of accounts. DuckDB skips a run of 122,880 rows when its least and
 * greatest account tell that the account is not in it: in the order of receipt that is never so. Rows are moved, with
 * their positions, in one transaction; readers see them in the one place or in the other.
 */
export class RowOrder {
  readonly #database: UsageDatabase;
  readonly #tables: MeterTables;
  readonly #options: RowOrderOptions;
  readonly #unsorted = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  readonly #turns: Turns;

  constructor(database: UsageDatabase, tables: MeterTables, turns: Turns) {
    this.#database = database;
    this.#turns = turns;
    this.#options = database.options.rowOrder;
    this.#tables = tables;
  }

  /** Counts what is unsorted after a start. */
  async open(): Promise<void> {
    for (const { name } of this.#tables.all) {
      const [row] = await rowsOf(this.#database.writer, `SELECT count(*) FROM ${name}`);
      this.#unsorted.set(name, integer(row?.[0]));
    }
    this.#later();
  }

  committed(table: MeterTable, rows: number): void {
    const unsorted = (this.#unsorted.get(table.name) ?? 0) + rows;
    this.#unsorted.set(table.name, unsorted);
    if (unsorted > unsortedMax) this.#start(unsortedMax);
    else this.#later();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #later(): void {
    clearTimeout(this.#timer);
    const { quietMs, rowsMin } = this.#options;
    this.#timer = setTimeout(() => this.#start(rowsMin), quietMs);
    this.#timer.unref();
  }

  #start(atLeast: number): void {
    if (this.#isClosed) return;
    // What cannot be moved now stays where it is, for the next time.
    this.#running ??= this.#sort(atLeast)
      .catch(() => undefined)
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #sort(atLeast: number): Promise<void> {
    const connection = await this.#database.connect();
    try {
      for (const table of this.#tables.all) {
        const unsorted = this.#unsorted.get(table.name) ?? 0;
        if (unsorted >= atLeast) await this.#moveAll(connection, table);
      }
    } finally {
      connection.closeSync();
    }
  }

  async #moveAll(connection: DuckDBConnection, table: MeterTable): Promise<void> {
    for (let moved = rowsPerMove; moved === rowsPerMove && !this.#isClosed;) {
      moved = await this.#turns.take(() => this.#move(connection, table));
    }
  }

  /** In a turn of its own: see docs/decisions/0002-usage-values-and-tables.md. */
  async #move(connection: DuckDBConnection, table: MeterTable): Promise<number> {
    const moved = await moveOldest(connection, table);
    this.#unsorted.set(table.name, (this.#unsorted.get(table.name) ?? 0) - moved);
    await connection.run("CHECKPOINT");
    return moved;
  }
}

/** Moves the oldest rows; returns how many. */
const moveOldest = async (connection: DuckDBConnection, table: MeterTable): Promise<number> => {
  const { name, sortedName } = table;
  await connection.run("BEGIN");
  try {
    const [row] = await rowsOf(
      connection,
      `SELECT count(*), coalesce(max(position), -1)
       FROM (SELECT position FROM ${name} ORDER BY position LIMIT ${rowsPerMove})`,
    );
    const [count, last] = [integer(row?.[0]), integer(row?.[1])];
    const oldest = `position <= ${last}`;
    await connection.run(
      `INSERT INTO ${sortedName} SELECT * FROM ${name} WHERE ${oldest} ORDER BY account, ts`,
    );
    await connection.run(`DELETE FROM ${name} WHERE ${oldest}`);
    await connection.run("COMMIT");
    return count;
  } catch (cause) {
    await connection.run("ROLLBACK").catch(() => undefined);
    throw cause;
  }
};
