import { sql } from "kysely";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { usageWindows } from "@turnpike/engine/bill/usage-windows.ts";
import { toJson } from "@turnpike/engine/bill/facts-json.ts";
import type { BillFailure } from "@turnpike/engine/bill/printing.ts";
import { rateBill } from "@turnpike/engine/bill/rate-bill.ts";
import type { BillJobTable, Database, DatabaseTransaction, JobRequest } from "../ports/database.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import { measure } from "./measured-usage.ts";
import { type PlannedBill, plannedBills } from "./planned-bills.ts";
import { recalculationRounds, repeatable, type Round } from "./recalculation.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";
import {
  type BillDates,
  billedInAdvance,
  type CalculatedBill,
  memosOfIdentity,
  storeBill,
} from "./stored-bills.ts";

/** Accounts calculated in one transaction: enough to share queries, few enough to retry. */
const chunkSize = 100;

export interface BillRunParts {
  readonly database: Database;
  readonly usage: UsageStore;
  readonly now: () => Date;
}

export interface JobKey {
  readonly orgId: string;
  readonly jobId: string;
}

interface Job extends JobKey {
  readonly type: BillJobTable["type"];
  readonly request: JobRequest;
  readonly principal: string;
}

/**
 * Runs a bill job from wherever it stands: killed and run again, it goes on with the accounts that are not done,
 * and an account's bills are written in the transaction that marks it done.
 */
export const runBillJob = async (parts: BillRunParts, key: JobKey): Promise<void> => {
  const job = await beginJob(parts, key);
  if (job === undefined) return;
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

const setStatus = async (
  { database, now }: BillRunParts,
  { orgId, jobId }: JobKey,
  status: "RUNNING" | "COMPLETE",
): Promise<void> => {
  await database
    .updateTable("bill_job")
    .set({ status, version: sql<string>`version + 1`, dt_last_modified: now() })
    .where("org_id", "=", orgId)
    .where("id", "=", jobId)
    .where("status", "!=", "CANCELLED")
    .execute();
};

/** The next accounts that wait, or none when the run is finished or was cancelled. */
const runChunk = (parts: BillRunParts, job: Job): Promise<boolean> =>
  parts.database.transaction().execute(async (transaction) => {
    const accountIds = await claimAccounts(transaction, job);
    if (accountIds.length === 0) return false;
    const failures: Failures = new Map();
    for (const round of await roundsOf(transaction, job, accountIds)) {
      const writing = { ...job, request: repeatable(round.request) };
      const found = await calculateBills(
        transaction,
        { parts, orgId: job.orgId, round },
        async (bill, dates) => {
          await storeBill(transaction, bill, { ...writing, at: parts.now(), dates });
        },
      );
      for (const [accountId, reasons] of found) addFailures(failures, accountId, reasons);
    }
    await markDone(transaction, job, { accountIds, failures });
    return true;
  });

const roundsOf = async (
  transaction: DatabaseTransaction,
  { orgId, type, request }: Job,
  accountIds: readonly string[],
): Promise<readonly Round[]> => {
  if (type === "CREATE") return [{ request, accountIds, isWanted: () => true }];
  return recalculationRounds(transaction, { orgId, accountIds, billIds: request.billIds ?? [] });
};

const instantOf = (at: Date): Temporal.Instant =>
  Temporal.Instant.fromEpochMilliseconds(at.getTime());

/** A run may set its own zone and epochs (m3ter semantics 18.7). */
const withOverrides = (snapshot: Snapshot, request: BillJobRequest): Snapshot => {
  const { timezone, yearEpoch, monthEpoch, weekEpoch, dayEpoch } = request;
  const { config } = snapshot;
  return {
    ...snapshot,
    config: {
      ...config,
      timezone: timezone ?? config.timezone,
      yearEpoch: yearEpoch ?? config.yearEpoch,
      monthEpoch: monthEpoch ?? config.monthEpoch,
      weekEpoch: weekEpoch ?? config.weekEpoch,
      dayEpoch: dayEpoch ?? config.dayEpoch,
    },
  };
};

/** Locks the accounts in id order, so that two runs over one account take turns and never wait in a circle. */
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
  await sql`
    SELECT FROM record WHERE org_id = ${orgId} AND kind = 'account' AND id = ANY(${accountIds}::uuid[])
    ORDER BY id FOR NO KEY UPDATE
  `.execute(transaction);
  return accountIds;
};

type Failures = Map<string, BillFailure[]>;

const addFailures = (failures: Failures, accountId: string, more: readonly BillFailure[]): void => {
  failures.set(accountId, [...(failures.get(accountId) ?? []), ...more]);
};

export interface Calculation {
  readonly parts: BillRunParts;
  readonly orgId: string;
  readonly round: Round;
}

/** What becomes of a calculated bill: a run stores it before the next one is calculated, a preview shows it. */
export type BillSink = (bill: CalculatedBill, dates: BillDates) => Promise<void>;

/** Calculates the bills of the round one after the other; the answer says why some could not be, by account. */
export const calculateBills = async (
  transaction: DatabaseTransaction,
  { parts, orgId, round: { request, accountIds, isWanted } }: Calculation,
  sink: BillSink,
): Promise<Failures> => {
  const snapshot = withOverrides(await takeSnapshot(transaction, orgId, accountIds), request);
  const run = { request, now: instantOf(parts.now()) };
  const bills = [...snapshot.accounts.values()]
    .flatMap((account) => plannedBills(snapshot, account, run))
    .filter(isWanted);
  const windows = bills.flatMap(({ terms }) => usageWindows(terms));
  const quantities = await measure(parts.usage, snapshot, windows);
  const failures: Failures = new Map();
  for (const planned of bills) {
    const facts = {
      ...planned.terms,
      quantities: Object.fromEntries(
        usageWindows(planned.terms).map(({ key }) => [key, quantities[key] ?? { quantity: null }]),
      ),
      billedInAdvance: await billedInAdvance(transaction, orgId, planned.identity),
      memos: await memosOfIdentity(transaction, orgId, planned.identity),
    };
    const rated = rateBill(facts);
    if (rated.outcome === "failed") {
      addFailures(failures, planned.account.id, rated.failures);
      continue;
    }
    if (rated.lines.length === 0 && snapshot.config.suppressedEmptyBills) continue;
    await sink({ planned, facts, rated }, billDates(snapshot, planned, request));
  }
  return failures;
};

/** Due and invoice dates (m3ter semantics 18.6). */
const billDates = (
  { config }: Snapshot,
  { account, terms }: PlannedBill,
  request: BillJobRequest,
): BillDates => {
  const days = account.daysBeforeBillDue ?? config.daysBeforeBillDue;
  const { billDate } = terms;
  const isLastDay = config.externalInvoiceDate === "LAST_DAY_OF_ARREARS";
  const invoiceDate = isLastDay ? billDate.subtract({ days: 1 }) : billDate;
  return {
    dueDate: request.dueDate ?? billDate.add({ days }).toString(),
    externalInvoiceDate: request.externalInvoiceDate ?? invoiceDate.toString(),
  };
};

const markDone = async (
  transaction: DatabaseTransaction,
  { orgId, jobId }: JobKey,
  { accountIds, failures }: { accountIds: readonly string[]; failures: Failures },
): Promise<void> => {
  await transaction
    .updateTable("bill_job_account")
    .set({ is_done: true })
    .where("org_id", "=", orgId)
    .where("job_id", "=", jobId)
    .where("account_id", "in", [...accountIds])
    .execute();
  for (const [accountId, found] of failures) {
    await transaction
      .updateTable("bill_job_account")
      .set({ failures: JSON.stringify(toJson(found)) })
      .where("org_id", "=", orgId)
      .where("job_id", "=", jobId)
      .where("account_id", "=", accountId)
      .execute();
  }
};
