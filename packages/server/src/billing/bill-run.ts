import { sql } from "kysely";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { toJson } from "@turnpike/engine/bill/facts-json.ts";
import type { BillJobTable, Database, DatabaseTransaction, JobRequest } from "../ports/database.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import { calculateBills, type CalculatedBill, type Calculation } from "./bill-calculation.ts";
import { lockFamilies } from "./account-locks.ts";
import type { Given } from "./bill-candidates.ts";
import { type StoredBill, takeHistory } from "./bill-history.ts";
import { activeStatuses } from "./bill-jobs.ts";
import { billJobs, moveJob } from "./job-moves.ts";
import { type BillingBook, bookShelf } from "./billing-book.ts";
import { plannedAgain, type PlannedBill, plannedBills } from "./planned-bills.ts";
import { present } from "./catalog-snapshot.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";
import { readLockDate, storeBills } from "./stored-bills.ts";

/** Accounts calculated in one transaction: enough to share each query over the usage, few enough to retry. */
const chunkSize = 1000;

export interface BillRunParts {
  readonly database: Database;
  readonly usage: UsageStore;
  readonly now: () => Date;
}

export interface JobKey {
  readonly orgId: string;
  readonly jobId: string;
}

export interface Job extends JobKey {
  readonly type: BillJobTable["type"];
  readonly request: JobRequest;
  readonly principal: string;
}

/**
 * Runs a bill job from wherever it stands: killed and run again, it goes on with the accounts that are not done,
 * and an account's bills are written in the transaction that marks it done.
 */
export const runBillJob = async (
  parts: BillRunParts,
  key: JobKey,
  /** What is to happen once before the accounts that wait are calculated. */
  prepare: (job: Job) => Promise<void>,
): Promise<void> => {
  const job = await beginJob(parts, key);
  if (job === undefined) return;
  await prepare(job);
  while (await runChunk(parts, job));
  await setStatus(parts, key, "COMPLETE");
};

const beginJob = async (parts: BillRunParts, key: JobKey): Promise<Job | undefined> => {
  const row = await parts.database
    .selectFrom("bill_job")
    .select(["type", "status", "request", "created_by"])
    .where("org_id", "=", key.orgId)
    .where("id", "=", key.jobId)
    .executeTakeFirst();
  if (row === undefined || row.status === "COMPLETE" || row.status === "CANCELLED")
    return undefined;
  await setStatus(parts, key, "RUNNING");
  return { ...key, type: row.type, request: row.request, principal: row.created_by };
};

const setStatus = (
  { database, now }: BillRunParts,
  key: JobKey,
  to: "RUNNING" | "COMPLETE",
): Promise<boolean> => moveJob(database, billJobs, { ...key, from: activeStatuses, to, at: now() });

/** The next accounts that wait, or none when the run is finished or was cancelled. */
const runChunk = (parts: BillRunParts, job: Job): Promise<boolean> =>
  parts.database.transaction().execute(async (transaction) => {
    const accountIds = await claimAccounts(transaction, job);
    if (accountIds.length === 0) return false;
    // From here on the lock date stays: no bill that is calculated now is locked before it is written.
    await readLockDate(transaction, job.orgId);
    const given = await gather(transaction, { ...job, accountIds, at: parts.now() });
    const { bills, failures } = await calculateBills(transaction, parts.usage, given);
    const writing = { ...job, at: parts.now(), config: given.book.config };
    await storeBills(transaction, withoutEmpty(given.book, bills), writing);
    await markDone(transaction, job, { accountIds, failures });
    return true;
  });

/** What a calculation for some accounts starts from: their records, their bills so far, and the bills asked for. */
export const gather = async (
  reader: Database | DatabaseTransaction,
  asked: Pick<Job, "orgId" | "type" | "request"> & { accountIds: readonly string[]; at: Date },
): Promise<Given> => {
  const { orgId, type, request, accountIds, at } = asked;
  const snapshot = await takeSnapshot(reader, orgId, accountIds);
  const history = await takeHistory(reader, snapshot, [
    ...accountIds,
    ...relativesOf(snapshot, accountIds),
  ]);
  const bookFor = bookShelf(snapshot);
  const now = Temporal.Instant.fromEpochMilliseconds(at.getTime());
  const stored = Map.groupBy(history.bills, ({ accountId }) => accountId);
  const again = new Set(request.billIds);
  const planned =
    type === "CREATE"
      ? accountIds.flatMap((id) => plannedFor(bookFor(request), id, { request, now, stored }))
      : history.bills
          .filter(({ id }) => again.has(id))
          .flatMap((bill) => {
            const run = { now, stored: stored.get(bill.accountId) ?? [] };
            return plannedAgain(bookFor(bill.request), bill, run) ?? [];
          });
  return { book: bookFor({}), bookFor, history, planned, now };
};

/**
 * Accounts whose bills may depend on those of others: parents on their children's, children on their parent's, and on
 * each other's where a commitment of the parent pays for all of them.
 */
const relativesOf = (
  { accounts, children, commitments }: Snapshot,
  accountIds: readonly string[],
): string[] => {
  const asked = new Set(accountIds);
  const parentIds = present(accountIds.map((id) => accounts.get(id)?.parentAccountId));
  const sharing = new Set(
    commitments
      .filter(({ childBillingMode }) => childBillingMode === "CHILD")
      .map(({ accountId }) => accountId),
  );
  const heads = [...accountIds, ...parentIds.filter((id) => sharing.has(id))];
  const kin = heads.flatMap((id) => (children.get(id) ?? []).map((child) => child.id));
  return [...new Set([...parentIds, ...kin])].filter((id) => !asked.has(id));
};

const plannedFor = (
  book: BillingBook,
  accountId: string,
  run: {
    request: BillJobRequest;
    now: Temporal.Instant;
    stored: ReadonlyMap<string, readonly StoredBill[]>;
  },
): PlannedBill[] => {
  const account = book.accounts.get(accountId);
  if (account === undefined) return [];
  return plannedBills(book, account, { ...run, stored: run.stored.get(accountId) ?? [] });
};

/** A bill without lines is not made where the organization wants none; one that stands is emptied. */
export const withoutEmpty = (
  { config }: BillingBook,
  bills: readonly CalculatedBill[],
): CalculatedBill[] =>
  bills.filter(
    ({ rated, stored }) =>
      rated.lines.length > 0 || stored !== undefined || !config.suppressedEmptyBills,
  );

/** Takes the next accounts, and holds them with their families. */
const claimAccounts = async (
  transaction: DatabaseTransaction,
  { orgId, jobId }: JobKey,
): Promise<string[]> => {
  const { rows: waiting } = await sql<{ account_id: string }>`
    SELECT account_id FROM bill_job_account
    WHERE org_id = ${orgId} AND job_id = ${jobId} AND NOT is_done
      AND EXISTS (SELECT FROM bill_job WHERE bill_job.org_id = ${orgId} AND id = ${jobId}
        AND status <> 'CANCELLED')
    ORDER BY account_id LIMIT ${chunkSize} FOR UPDATE
  `.execute(transaction);
  const accountIds = waiting.map(({ account_id }) => account_id);
  await lockFamilies(transaction, orgId, accountIds);
  return accountIds;
};

const markDone = async (
  transaction: DatabaseTransaction,
  { orgId, jobId }: JobKey,
  done: { accountIds: readonly string[]; failures: Calculation["failures"] },
): Promise<void> => {
  const failures = Object.fromEntries(
    [...done.failures].map(([accountId, found]) => [accountId, toJson(found)]),
  );
  await sql`
    UPDATE bill_job_account
    SET is_done = true, failures = coalesce(${JSON.stringify(failures)}::jsonb -> account_id::text, '[]')
    WHERE org_id = ${orgId} AND job_id = ${jobId} AND account_id = ANY(${done.accountIds}::uuid[])
  `.execute(transaction);
};
