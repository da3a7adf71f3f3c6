import type { Logger } from "pino";
import { z } from "zod";
import type { MeasurementFailure, UsageStore } from "../ports/usage-store.ts";
import { hashedUid } from "./batch-usage.ts";
import type { LedgerParts } from "./ledger.ts";

/** What it takes to see whether a measurement that has our uid is ours. */
export interface TakenUidParts extends Pick<LedgerParts, "customers" | "prices" | "now"> {
  readonly usage: UsageStore;
  readonly logger: Logger;
}

const delivered = z.looseObject({
  uid: z.string(),
  account: z.string(),
  meter: z.string(),
  ts: z.string(),
});
type Delivered = z.output<typeof delivered>;

/**
 * The ledger has uids of its own, and measurements that were never charged have the same namespace in the usage store: one
 * of them may have the uid of a charge. Returns what was not stored for that, under a uid that follows from its own, so
 * that it is known when it is delivered again.
 */
export const renamedWhereTaken = async (
  parts: TakenUidParts,
  orgId: string,
  failures: readonly MeasurementFailure[],
): Promise<Delivered[]> => {
  const renamed: Delivered[] = [];
  for (const { kind, measurement } of failures) {
    if (kind !== "DuplicateUid") continue;
    const own = delivered.parse(measurement);
    if (!(await isTaken(parts, orgId, own))) continue;
    const { uid } = own;
    const storedAs = hashedUid(uid);
    parts.logger.warn({ orgId, uid, storedAs }, "the uid of usage is another measurement's");
    renamed.push({ ...own, uid: storedAs });
  }
  return renamed;
};

/** What may be ours, delivered before a crash, is: it must not count twice. */
const isTaken = async (
  { usage, customers, prices, now }: TakenUidParts,
  orgId: string,
  { uid, account, meter, ts }: Delivered,
): Promise<boolean> => {
  const stored = await usage.ingested({ orgId, uid, askedAtMs: now() });
  if (stored === undefined) return false;
  if (!stored.ts.equals(Temporal.Instant.from(ts))) return true;
  // A code that nothing has any more may have been that of what is stored.
  const accountId = (await customers.idsOf(orgId, [account])).get(account) ?? stored.accountId;
  const meterId = (await prices.meter(orgId, meter))?.id ?? stored.meterId;
  return accountId !== stored.accountId || meterId !== stored.meterId;
};
