import { ConfigError } from "./config.ts";
import { batchOf, type UsageMark } from "./ports/usage-changes.ts";
import type { UsageStore } from "./ports/usage-store.ts";

/**
 * Refuses a start on an older copy of usage: bills would count less than was acknowledged, and closes of periods would give
 * wallets back what is missing.
 */
export const checkWhole = async (
  usage: Pick<UsageStore, "changed">,
  mark: UsageMark | undefined,
  dataDir: string,
): Promise<void> => {
  if (mark === undefined) return;
  // Nothing is watched: only a mark that the store does not know is told of.
  const watched = [{ meterId: "", sources: [], since: mark }];
  if ((await usage.changed({ orgId: "", watched })).length === 0) return;
  throw new ConfigError(
    `the usage in ${dataDir} is older than the database, which has heard of batch ${batchOf(mark)}: ` +
      "bring the newer usage.duckdb.journal back. If it is gone for good, run `npm run turnpike -- usage adopt` on this directory: what is missing is not billed then",
  );
};
