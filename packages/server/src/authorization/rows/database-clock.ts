import type { EpochMs } from "@turnpike/engine/ledger/rows.ts";

/** What the database's clock says by now, from what it said last and this process's steady clock. */
export class DatabaseClock {
  #ahead: number | undefined;

  heard(at: EpochMs): void {
    this.#ahead = at - performance.now();
  }

  /** What it said can no longer be relied on. */
  forget(): void {
    this.#ahead = undefined;
  }

  /** Behind the database by as long as its last answer was under way; undefined before the first. */
  now(): EpochMs | undefined {
    return this.#ahead === undefined ? undefined : Math.floor(this.#ahead + performance.now());
  }
}
