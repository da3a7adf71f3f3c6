import { Problem } from "@turnpike/contract/problem.ts";
import type { World } from "./operations/handler.ts";
import type { FileStore } from "./ports/file-store.ts";
import type { CustomSqlChecker, UsageStore } from "./ports/usage-store.ts";

/** What stands where a server has no usage, because another one keeps that of the database: whatever is asked is refused. */

const elsewhere = (): never => {
  throw new Problem("USAGE_ELSEWHERE");
};
const refuse = async (): Promise<never> => elsewhere();

export const usageElsewhere: UsageStore & CustomSqlChecker = {
  ingest: refuse,
  correct: refuse,
  ingested: refuse,
  aggregate: refuse,
  aggregateJointly: refuse,
  breakDown: refuse,
  query: refuse,
  scan: refuse,
  mark: refuse,
  changed: refuse,
  stepBackfill: refuse,
  backfill: refuse,
  faultOfSql: refuse,
  close: async () => undefined,
};

/** The tasks that read and write files run where usage is. */
const files: FileStore = { write: refuse, read: elsewhere, remove: refuse, list: refuse };

/** Nobody is charged for what is not metered then, and no correction waits for what goes to another server. */
export const meteringElsewhere: Pick<
  World,
  "plainUsage" | "usageCorrections" | "files" | "exports"
> = {
  plainUsage: { hasWallets: refuse, withWallet: refuse, price: refuse, charge: refuse },
  usageCorrections: { delivered: refuse, follow: refuse },
  files,
  exports: files,
};
