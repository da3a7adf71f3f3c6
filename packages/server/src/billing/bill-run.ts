import { sql } from "kysely";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { toJson } from "@turnpike/engine/bill/facts-json.ts";
import type { BillFailure } from "@turnpike/engine/bill/printing.ts";
import type {
  BillJobTable,
  Database,
  DatabaseTransaction,
  JobRequest,
  Reader,
} from "../ports/database.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import { calculateBills, type CalculatedBill } from "./bill-calculation.ts";
import { lockFamilies } from "./account-locks.ts";
import { type Given, lockedAfter } from "./bill-candidates.ts";
import { type StoredBill, takeHistory } from "./bill-history.ts";
import { activeStatuses } from "./bill-jobs.ts";
import { billJobs, moveJob } from "./job-moves.ts";
import { type BillingBook, bookShelf } from "./billing-book.ts";
import { plannedAgain, type PlannedBill, plannedBills } from "./planned-bills.ts";
import { present } from "./catalog-snapshot.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";
import { forgetMarks, readLockDate, storeBills } from "./stored-bills.ts";

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

interface Around {
  /** Settles with wallets before the accounts that wait are calculated; those that cannot be settled yet. */
  readonly settle: (job: Job) => Promise<ReadonlySet<string>>;
  /** Has the job run once more, a little later. */
  readonly again: (key: JobKey) => Promise<void>;
  /** Whether the job has had its place for long enough, and others wait for it. */
  readonly isTurnOver: () => Promise<boolean>;
}

/** How long a job tries what may be possible a little later, in milliseconds. */
const patienceMs = 3_600_000;
/** When so many accounts cannot be calculated it is not for their sake. */
const brokenMax = 100;

/**
 * Runs a bill job from wherever it stands: killed and run again, it goes on with the accounts that are not done,
 * and an account's bills are written in the transaction that marks it done. Accounts that cannot be settled with wallets,
 * or whose calculation breaks, keep it running and nobody else from their bills; those of which that is still so when it is
 * an hour old get no bill from it, and it says why.
 */
export const runBillJob = async (
  parts: BillRunParts,
  key: JobKey,
  { settle, again, isTurnOver }: Around,
): Promise<void> => {
  const begun = await beginJob(parts, key);
  if (begun === undefined) return;
  const { job, since } = begun;
  const unsettled = await settle(job);
  const { broken, isOver } = await runAccounts(parts, job, { unsettled, isTurnOver });
  if (isOver) return again(key);
  const isPatient = parts.now().getTime() < since.getTime() + patienceMs;
  const [first] = broken;
  if (first !== undefined && (isPatient || broken.size >= brokenMax)) throw unexpected(first);
  if (isPatient && unsettled.size > 0) return again(key);
  await giveUp(parts, job, [
    ...[...unsettled].map((id) => [id, { failure: "USAGE_UNDER_WAY" }] as const),
    ...[...broken].map(([id, { message }]) => [id, { failure: "UNEXPECTED", message }] as const),
  ]);
  await setStatus(parts, key, "COMPLETE");
};

/** Has the job tried again later, with growing pauses. */
const unexpected = ([accountId, error]: readonly [string, Error]): Error =>
  new Error(`account ${accountId}: ${error.message}`, { cause: error });

interface Begun {
  readonly job: Job;
  readonly since: Date;
}

const beginJob = async (parts: BillRunParts, key: JobKey): Promise<Begun | undefined> => {
  const row = await parts.database
    .selectFrom("bill_job")
    .select(["type", "status", "request", "created_by", "dt_created"])
    .where("org_id", "=", key.orgId)
    .where("id", "=", key.jobId)
    .executeTakeFirst();
  if (row === undefined || row.status === "COMPLETE" || row.status === "CANCELLED")
    return undefined;
  const { type, request, created_by: principal, dt_created: since } = row;
  if (row.status !== "RUNNING") await setStatus(parts, key, "RUNNING");
  return { job: { ...key, type, request, principal }, since };
};

const setStatus = (
  { database, now }: BillRunParts,
  key: JobKey,
  to: "RUNNING" | "COMPLETE",
): Promise<boolean> => moveJob(database, billJobs, { ...key, from: activeStatuses, to, at: now() });

interface AccountsRun {
  readonly broken: ReadonlyMap<string, Error>;
  /** Accounts may be left that nobody has looked at. */
  readonly isOver: boolean;
}

/**
 * All that wait but the unsettled, until the run is finished or cancelled, or its turn is over; what breaks, found in ever
 * smaller chunks.
 */
const runAccounts = async (
  parts: BillRunParts,
  job: Job,
  {
    unsettled,
    isTurnOver,
  }: Pick<Around, "isTurnOver"> & { readonly unsettled: ReadonlySet<string> },
): Promise<AccountsRun> => {
  const broken = new Map<string, Error>();
  let size = chunkSize;
  while (broken.size < brokenMax) {
    const except = [...unsettled, ...broken.keys()];
    const { accountIds, error } = await runChunk(parts, job, { size, except });
    const [first] = accountIds;
    if (first === undefined) break;
    if (error === undefined) {
      // Not before something is done, or a job with accounts that break would never come further.
      if (await isTurnOver()) return { broken, isOver: true };
      size = Math.min(2 * size, chunkSize);
    } else if (accountIds.length === 1) broken.set(first, error);
    else size = Math.ceil(accountIds.length / 2);
  }
  return { broken, isOver: false };
};

/** At most so many accounts, and none of some. */
interface Bounds {
  readonly size: number;
  readonly except: readonly string[];
}

interface Chunk {
  readonly accountIds: readonly string[];
  /** Why nothing was written for them. */
  readonly error?: Error;
}

/** The next accounts that wait, or none. */
const runChunk = async (parts: BillRunParts, job: Job, bounds: Bounds): Promise<Chunk> => {
  const accountIds: string[] = [];
  try {
    await parts.database.transaction().execute(async (transaction) => {
      accountIds.push(...(await claimAccounts(transaction, job, bounds)));
      if (accountIds.length > 0) await billAccounts(parts, transaction, { job, accountIds });
    });
    return { accountIds };
  } catch (error) {
    if (accountIds.length === 0 || !(error instanceof Error)) throw error;
    return { accountIds, error };
  }
};

const billAccounts = async (
  parts: BillRunParts,
  transaction: DatabaseTransaction,
  { job, accountIds }: { readonly job: Job; readonly accountIds: readonly string[] },
): Promise<void> => {
  // From here on the lock date stays: no bill that is calculated now is locked before it is written.
  await readLockDate(transaction, job.orgId);
  const given = await gather(transaction, { ...job, accountIds, at: parts.now() });
  const { bills, failures } = await calculateBills(transaction, parts.usage, given);
  const writing = { ...job, at: parts.now(), config: given.book.config };
  const kept = withoutEmpty(given.book, bills);
  await storeBills(transaction, kept, writing);
  const overtaken = lockedAfter(
    given.book,
    given.history,
    kept.map(({ planned }) => planned.identity),
  );
  await forgetMarks(
    transaction,
    job.orgId,
    overtaken.map(({ id }) => id),
  );
  await markDone(transaction, job, { accountIds, failures });
};

/** What a calculation for some accounts starts from: their records, their bills so far, and the bills asked for. */
export const gather = async (
  reader: Reader,
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
  { size, except }: Bounds,
): Promise<string[]> => {
  const { rows: waiting } = await sql<{ account_id: string }>`
    SELECT account_id FROM bill_job_account
    WHERE org_id = ${orgId} AND job_id = ${jobId} AND NOT is_done
      AND account_id <> ALL(${except}::uuid[])
      AND EXISTS (SELECT FROM bill_job WHERE bill_job.org_id = ${orgId} AND id = ${jobId}
        AND status <> 'CANCELLED')
    ORDER BY account_id LIMIT ${size} FOR UPDATE
  `.execute(transaction);
  const accountIds = waiting.map(({ account_id }) => account_id);
  await lockFamilies(transaction, orgId, accountIds);
  return accountIds;
};

/** Why an account has no bill although nothing is wrong with it: what it is billed for is not all known yet. */
interface NotYet {
  readonly failure: "USAGE_UNDER_WAY";
}

/** Why it has none for a reason that nobody thought of. */
interface Unexpected {
  readonly failure: "UNEXPECTED";
  readonly message: string;
}

type Failure = BillFailure | NotYet | Unexpected;

/** Those of the accounts that no other run of the job has calculated meanwhile. */
const giveUp = async (
  { database }: BillRunParts,
  job: Job,
  given: readonly (readonly [accountId: string, failure: Failure])[],
): Promise<void> => {
  if (given.length === 0) return;
  const failures = new Map(given.map(([id, failure]) => [id, [failure]]));
  await markDone(database, job, { accountIds: [...failures.keys()], failures });
};

const markDone = async (
  transaction: Database,
  { orgId, jobId }: JobKey,
  done: {
    accountIds: readonly string[];
    failures: ReadonlyMap<string, readonly Failure[]>;
  },
): Promise<void> => {
  const failures = Object.fromEntries(
    [...done.failures].map(([accountId, found]) => [accountId, toJson(found)]),
  );
  await sql`
    UPDATE bill_job_account
    SET is_done = true, failures = coalesce(${JSON.stringify(failures)}::jsonb -> account_id::text, '[]')
    WHERE org_id = ${orgId} AND job_id = ${jobId} AND NOT is_done
      AND account_id = ANY(${done.accountIds}::uuid[])
  `.execute(transaction);
};
