import { Turns } from "../../ingest/turns.ts";

/**
 * Keeps moves and queries apart where DuckDB does not. A query pins what it sees of the file and of memory when it begins,
 * which no move may come between. And while a large commit is made, DuckDB 1.5.6 shows its rows to queries that began
 * before, if several threads have inserted them: such rows carry no transaction until the commit is over. For these
 * milliseconds a query may find rows in both places, so it has to ask whether there was a move meanwhile.
 */
export class Pins {
  readonly #turns = new Turns();
  #moves = 0;
  #holders = 0;
  #released = Promise.withResolvers<void>();

  constructor() {
    this.#released.resolve();
  }

  /** How many moves have begun. */
  get moves(): number {
    return this.#moves;
  }

  /** Pins both places; resolves with the moves that had begun by then, all of which are over. */
  pin(begin: () => Promise<unknown>): Promise<number> {
    return this.#turns.take(async () => {
      await begin();
      return this.#moves;
    });
  }

  /** Changes the place of rows as soon as nobody holds them. */
  async move(change: () => Promise<void>): Promise<void> {
    for (let isDone = false; !isDone;) {
      await this.#released.promise;
      isDone = await this.#turns.take(async () => {
        if (this.#holders > 0) return false;
        this.#moves++;
        await change();
        return true;
      });
    }
  }

  /** Does the work without a move beside it, but for one that has begun. */
  async hold<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#holders++ === 0) this.#released = Promise.withResolvers();
    try {
      return await work();
    } finally {
      if (--this.#holders === 0) this.#released.resolve();
    }
  }
}
