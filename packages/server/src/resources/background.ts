import type { DatabaseTransaction } from "../ports/database.ts";

/** Queues work that begins once the caller's transaction commits, and only then. */
export interface Background {
  readonly exportClock: (transaction: DatabaseTransaction) => Promise<void>;
}
