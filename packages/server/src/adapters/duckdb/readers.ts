import type { DuckDBConnection } from "@duckdb/node-api";
import type { UsageDatabase } from "./database.ts";

/** Queries that run at once; more would only share the same processors. */
const readersMax = 4;

/** Connections for queries, opened when first needed and used again. */
export class Readers {
  readonly #database: UsageDatabase;
  #idle: DuckDBConnection[] = [];
  #generation = 0;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(database: UsageDatabase) {
    this.#database = database;
  }

  async use<Result>(query: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
    if (this.#busy >= readersMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#busy++;
    }
    try {
      const { generation } = this.#database;
      if (generation !== this.#generation) this.#idle = [];
      this.#generation = generation;
      const connection = this.#idle.pop() ?? (await this.#database.connect());
      const result = await query(connection);
      if (generation === this.#generation) this.#idle.push(connection);
      return result;
    } finally {
      // Who waits takes this one's place, so the count stays.
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  close(): void {
    for (const connection of this.#idle) connection.closeSync();
  }
}
