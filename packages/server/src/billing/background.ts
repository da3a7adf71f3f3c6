import type { DatabaseTransaction } from "../ports/database.ts";

/** Queues work that begins once the caller's transaction commits, and only then. */
export interface Background {
  readonly billJob: (
    transaction: DatabaseTransaction,
    key: { orgId: string; jobId: string },
  ) => Promise<void>;
  readonly statementJob: (
    transaction: DatabaseTransaction,
    key: { orgId: string; jobId: string },
  ) => Promise<void>;
}
