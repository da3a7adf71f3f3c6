import type { DuckDBConnection } from "@duckdb/node-api";
import { isBrokenBlock, type UsageDatabase } from "./database.ts";
import type { Pins } from "./pins.ts";

/** Queries that run at once; more would only share the same processors. */
const readersMax = 4;

/** Looks at both places that rows are in, which fixes what the transaction sees of each. */
const begin = "BEGIN TRANSACTION READ ONLY; SELECT 1 FROM kept.store, a.batch LIMIT 0";

interface ReadersParts {
  readonly database: UsageDatabase;
  /** Resolves when queries see everything that was acknowledged before. */
  readonly caughtUp: () => Promise<void>;
  readonly pins: Pins;
  /** A query has found that the file is damaged. */
  readonly onDamage: () => void;
}

interface Reading<Result> {
  readonly result: Result;
  /** Rows were moved beside it, so that it may have seen some in both places. */
  readonly isTorn: boolean;
}

/**
 * Connections for queries, opened when first needed and used again. A query sees one state of all rows; it changes
 * nothing, as it is asked again where rows were moved beside it.
 */
export class Readers {
  readonly #parts: ReadersParts;
  readonly #idle: DuckDBConnection[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  /** Counts how often the database was opened anew: it may have to catch up again. */
  #era = 0;
  /** Everybody has to leave. */
  #vacated: PromiseWithResolvers<void> | undefined;

  constructor(parts: ReadersParts) {
    this.#parts = parts;
  }

  /** Resolves when queries see everything that was acknowledged before, and the tables of its meters are known. */
  caughtUp(): Promise<void> {
    return this.#parts.caughtUp();
  }

  async use<Result>(query: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
    for (let era = -1; era !== this.#era;) {
      if (era >= 0) this.#leave();
      era = this.#era;
      await this.caughtUp();
      await this.#enter();
    }
    const { pins } = this.#parts;
    try {
      const { result, isTorn } = await this.#read(query);
      return isTorn ? (await pins.hold(() => this.#read(query))).result : result;
    } finally {
      this.#leave();
    }
  }

  /** Does the work while no connection for queries is open. */
  async without<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#vacated = Promise.withResolvers();
    if (this.#busy === 0) this.#vacated.resolve();
    await this.#vacated.promise;
    try {
      this.close();
      return await work();
    } finally {
      this.#era++;
      this.#vacated = undefined;
      for (; this.#busy < readersMax && this.#waiting.length > 0; this.#busy++) {
        this.#waiting.shift()?.();
      }
    }
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.closeSync();
  }

  async #read<Result>(
    query: (connection: DuckDBConnection) => Promise<Result>,
  ): Promise<Reading<Result>> {
    const { pins } = this.#parts;
    const connection = this.#idle.pop() ?? (await this.#parts.database.connect());
    let isUsable = false;
    try {
      const moves = await pins.pin(() => connection.run(begin));
      const result = await query(connection);
      isUsable = true;
      return { result, isTorn: pins.moves !== moves };
    } catch (error) {
      if (isBrokenBlock(error)) this.#parts.onDamage();
      throw error;
    } finally {
      await connection.run("ROLLBACK").catch(() => (isUsable = false));
      if (isUsable) this.#idle.push(connection);
      else connection.closeSync();
    }
  }

  async #enter(): Promise<void> {
    if (this.#busy >= readersMax || this.#vacated !== undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#busy++;
    }
  }

  #leave(): void {
    // Who waits takes this one's place, so the count stays.
    const next = this.#vacated === undefined ? this.#waiting.shift() : undefined;
    if (next !== undefined) {
      next();
      return;
    }
    this.#busy--;
    if (this.#busy === 0) this.#vacated?.resolve();
  }
}
