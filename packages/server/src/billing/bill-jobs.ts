import { randomUUIDv7 } from "node:crypto";
import { type Selectable, sql } from "kysely";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { BillJobTable, Database, DatabaseTransaction, JobRequest } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import type { Background } from "./background.ts";
import { refuseMissing } from "./bill-lifecycle.ts";
import { findBills } from "./bill-queries.ts";
import type { BillRow } from "./bill-replies.ts";
import { billJobDocument, recordChanges } from "./changes.ts";
import { billJobs, moveJob } from "./job-moves.ts";
import { lateUsageHours } from "./schedule.ts";
import { payingFamilies } from "./wallets/balances.ts";

/**
 * Runs under way in one organization (m3ter semantics 2.9). Those that wait for usage count, too: each settles its accounts
 * anew every few seconds, most of all when usage is late for everyone.
 */
const activeJobsMax = 10;

export interface BillJobPage {
  readonly limit: number;
  readonly after: { readonly createdAt: string; readonly id: string } | undefined;
  readonly statuses: readonly BillJobTable["status"][];
}

export const activeStatuses = ["PENDING", "INITIALIZING", "RUNNING"] as const;

/** What a run shall do; who begins it is the caller. */
export interface JobOrder {
  readonly type: BillJobTable["type"];
  readonly request: JobRequest;
  readonly at: Date;
  readonly background: Pick<Background, "billJob">;
}

/** Records a run and the accounts it covers; it starts once the transaction commits. */
export const createBillJob = (
  database: Database,
  caller: Caller,
  order: Omit<JobOrder, "type"> & { readonly request: BillJobRequest },
): Promise<string> =>
  database.transaction().execute(async (transaction) => {
    const jobId = await insertJob(transaction, caller, { ...order, type: "CREATE" });
    const { orgId } = caller;
    await addAccounts(transaction, { orgId, jobId }, order.request.accountIds);
    return jobId;
  });

/** The same for bills that are there: refused when one of them is not, or is locked. */
export const createRecalculation = (
  database: Database,
  caller: Caller,
  { billIds, ...order }: Omit<JobOrder, "type" | "request"> & { readonly billIds: string[] },
): Promise<string> =>
  database.transaction().execute(async (transaction) => {
    const { orgId } = caller;
    const bills = await findBills(transaction, orgId, {
      filter: { ids: billIds },
      limit: billIds.length,
    });
    refuseMissing(billIds, bills);
    refuseLocked(billIds, bills);
    const request = { billIds };
    const jobId = await insertJob(transaction, caller, { ...order, type: "RECALCULATE", request });
    await addAccountsOfBills(transaction, { orgId, jobId }, bills);
    return jobId;
  });

const refuseLocked = (ids: readonly string[], bills: readonly BillRow[]): void => {
  const locked = new Set(bills.filter(({ is_locked }) => is_locked).map(({ id }) => id));
  const named = ids.flatMap((id, index) =>
    locked.has(id.toLowerCase())
      ? [{ field: `billIds[${index}]`, message: `is locked: ${id}` }]
      : [],
  );
  if (named.length > 0) throw new Problem("BILL_LOCKED", named);
};

const addAccountsOfBills = async (
  transaction: DatabaseTransaction,
  { orgId, jobId }: { orgId: string; jobId: string },
  bills: readonly Pick<BillRow, "account_id">[],
): Promise<void> => {
  const accountIds = new Set(bills.map(({ account_id }) => account_id));
  await transaction
    .insertInto("bill_job_account")
    .values([...accountIds].map((id) => ({ org_id: orgId, job_id: jobId, account_id: id })))
    .execute();
};

interface Due {
  readonly at: Date;
  /** The moment of the schedule. */
  readonly due: Date;
  readonly background: Pick<Background, "billJob">;
}

/**
 * What a schedule runs: the open period's bills of the accounts that have a plan, and once more those of periods that
 * ended within the last day, for usage that came late. Late usage ends with the plan where that ended earlier (m3ter
 * semantics 3.7), and does not undo an approval: what comes after one is corrected on a later bill.
 */
export const createScheduledRuns = async (
  transaction: DatabaseTransaction,
  caller: Caller,
  { at, due, background }: Due,
): Promise<void> => {
  const { orgId } = caller;
  const accounts = sql`
    SELECT DISTINCT (document->>'accountId')::uuid AS id FROM record
    WHERE org_id = ${orgId} AND kind = 'accountPlan' AND (document->>'startDate')::timestamptz <= ${due}
      AND (document->>'endDate' IS NULL
        OR (document->>'endDate')::timestamptz > ${due}::timestamptz - make_interval(hours => ${lateUsageHours}))`;
  const late = await sql<{ id: string; account_id: string }>`
    SELECT id, account_id FROM bill
    WHERE org_id = ${orgId} AND status = 'PENDING' AND account_id IN (${accounts})
      AND ends_at <= ${due} AND ends_at > ${due}::timestamptz - make_interval(hours => ${lateUsageHours})
  `.execute(transaction);
  if (late.rows.length > 0) {
    const request = { billIds: late.rows.map(({ id }) => id) };
    const order = { type: "RECALCULATE", request, at, background } as const;
    const jobId = await insertJob(transaction, caller, order);
    await addAccountsOfBills(transaction, { orgId, jobId }, late.rows);
  }
  const current = await sql`SELECT FROM (${accounts}) AS account LIMIT 1`.execute(transaction);
  if (current.rows.length === 0) return;
  const order = { type: "CREATE", request: {}, at, background } as const;
  const jobId = await insertJob(transaction, caller, order);
  await sql`
    INSERT INTO bill_job_account (org_id, job_id, account_id)
    SELECT ${orgId}::uuid, ${jobId}::uuid, id FROM (${accounts}) AS account
  `.execute(transaction);
};

/** The run itself; its accounts are added by who calls. */
const insertJob = async (
  transaction: DatabaseTransaction,
  { orgId, principal }: Caller,
  { type, request, at, background }: JobOrder,
): Promise<string> => {
  const jobId = randomUUIDv7();
  await refuseTooMany(transaction, orgId);
  const job = await transaction
    .insertInto("bill_job")
    .values({
      org_id: orgId,
      id: jobId,
      version: 1,
      type,
      status: "PENDING",
      request: JSON.stringify(request),
      dt_created: at,
      dt_last_modified: at,
      created_by: principal,
      last_modified_by: principal,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const changes = [{ id: jobId, after: billJobDocument(job) }];
  await recordChanges(transaction, { orgId, principal }, { kind: "billJob", at, changes });
  await background.billJob(transaction, { orgId, jobId });
  return jobId;
};

const refuseTooMany = async (transaction: DatabaseTransaction, orgId: string): Promise<void> => {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`bill jobs of ${orgId}`}, 0))`.execute(
    transaction,
  );
  const { count } = await transaction
    .selectFrom("bill_job")
    .select(({ fn }) => fn.countAll<string>().as("count"))
    .where("org_id", "=", orgId)
    .where("status", "in", [...activeStatuses])
    .executeTakeFirstOrThrow();
  if (Number(count) >= activeJobsMax) throw new Problem("TOO_MANY_BILL_JOBS");
};

/** Accounts whose plans were taken away, as far as wallets may have paid for them. */
const addBereft = async (
  transaction: DatabaseTransaction,
  { orgId, jobId }: { orgId: string; jobId: string },
): Promise<void> => {
  const { rows } = await sql<{ id: string }>`
    SELECT DISTINCT before->>'accountId' AS id FROM change
    WHERE org_id = ${orgId} AND kind = 'accountPlan' AND action = 'deleted'
  `.execute(transaction);
  const ids = rows.map(({ id }) => id);
  const paying = await payingFamilies(transaction, orgId, ids);
  if (paying.size === 0) return;
  await sql`
    INSERT INTO bill_job_account (org_id, job_id, account_id)
    SELECT org_id, ${jobId}::uuid, id FROM record
    WHERE org_id = ${orgId} AND kind = 'account' AND id = ANY(${[...paying]}::uuid[])
    ON CONFLICT DO NOTHING
  `.execute(transaction);
};

/**
 * The named accounts, each of which must exist, or every account that has something to bill, with their parents; and those
 * that had.
 */
const addAccounts = async (
  transaction: DatabaseTransaction,
  { orgId, jobId }: { orgId: string; jobId: string },
  accountIds: readonly string[] | undefined,
): Promise<void> => {
  if (accountIds === undefined) {
    await sql`
      WITH charged AS (
        SELECT DISTINCT to_id AS id FROM reference WHERE org_id = ${orgId} AND field = 'accountId'
          AND from_kind IN ('accountPlan', 'commitment', 'charge')
      ),
      related AS (
        SELECT from_id, to_id FROM reference
        WHERE org_id = ${orgId} AND from_kind = 'account' AND field = 'parentAccountId'
      )
      INSERT INTO bill_job_account (org_id, job_id, account_id)
      SELECT ${orgId}::uuid, ${jobId}::uuid, id FROM charged
      UNION SELECT ${orgId}::uuid, ${jobId}::uuid, to_id FROM related JOIN charged ON charged.id = from_id
      UNION SELECT ${orgId}::uuid, ${jobId}::uuid, from_id FROM related JOIN charged ON charged.id = to_id
    `.execute(transaction);
    await addBereft(transaction, { orgId, jobId });
    return;
  }
  const { rows } = await sql<{ account_id: string }>`
    INSERT INTO bill_job_account (org_id, job_id, account_id)
    SELECT org_id, ${jobId}::uuid, id FROM record
    WHERE org_id = ${orgId} AND kind = 'account' AND id::text = ANY(${accountIds})
    RETURNING account_id
  `.execute(transaction);
  const known = new Set(rows.map(({ account_id }) => account_id));
  const missing = accountIds.findIndex((id) => !known.has(id));
  if (missing < 0) return;
  const message = `names no account: ${accountIds[missing]}`;
  throw new Problem("REFERENCE_NOT_FOUND", [{ field: `accountIds[${missing}]`, message }]);
};

interface Progress {
  readonly total: number;
  readonly pending: number;
  readonly failures: readonly { accountId: string; failures: unknown[] }[];
  readonly billIds: readonly string[];
}

const noProgress: Progress = { total: 0, pending: 0, failures: [], billIds: [] };

/** By job; one query, and a row for each job, however many accounts they have. */
const progressOf = async (
  database: Database,
  orgId: string,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, Progress>> => {
  const { rows } = await sql<Progress & { id: string }>`
    SELECT job.id, accounts.*, ARRAY(
      SELECT bill.id::text FROM bill WHERE bill.org_id = ${orgId} AND bill.job_id = job.id ORDER BY bill.id
    ) AS "billIds"
    FROM unnest(${jobIds}::uuid[]) AS job (id)
    CROSS JOIN LATERAL (
      SELECT count(*)::integer AS total, (count(*) FILTER (WHERE NOT is_done))::integer AS pending,
        coalesce(jsonb_agg(jsonb_build_object('accountId', account_id, 'failures', failures) ORDER BY account_id)
          FILTER (WHERE failures <> '[]'), '[]') AS failures
      FROM bill_job_account WHERE org_id = ${orgId} AND job_id = job.id
    ) AS accounts
  `.execute(database);
  return new Map(rows.map(({ id, ...progress }) => [id, progress]));
};

const toReply = (row: Selectable<BillJobTable>, progress = noProgress) => ({
  id: row.id,
  version: Number(row.version),
  ...row.request,
  type: row.type,
  status: row.status,
  total: progress.total,
  pending: progress.pending,
  billIds: progress.billIds,
  ...(progress.failures.length === 0 ? {} : { failures: progress.failures }),
  dtCreated: row.dt_created.toISOString(),
  dtLastModified: row.dt_last_modified.toISOString(),
  createdBy: row.created_by,
  lastModifiedBy: row.last_modified_by,
});

export type BillJobReply = ReturnType<typeof toReply>;

/** A run with its progress; NOT_FOUND when the organization has none of that id. */
export const readBillJob = async (
  database: Database,
  key: { orgId: string; jobId: string },
): Promise<BillJobReply> => {
  const row = await database
    .selectFrom("bill_job")
    .selectAll()
    .where("org_id", "=", key.orgId)
    .where(sql<boolean>`id::text = ${key.jobId}`)
    .executeTakeFirst();
  if (row === undefined) throw new Problem("NOT_FOUND");
  const progress = await progressOf(database, key.orgId, [row.id]);
  return toReply(row, progress.get(row.id));
};

/** Newest first, one more than the limit when there are more. */
export const listBillJobs = async (
  database: Database,
  orgId: string,
  { limit, after, statuses }: BillJobPage,
): Promise<BillJobReply[]> => {
  let query = database
    .selectFrom("bill_job")
    .selectAll()
    .where("org_id", "=", orgId)
    .orderBy("dt_created", "desc")
    .orderBy("id", "desc")
    .limit(limit);
  if (statuses.length > 0) query = query.where("status", "in", [...statuses]);
  if (after !== undefined) {
    const { createdAt, id } = after;
    query = query.where(sql<boolean>`(dt_created, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  const rows = await query.execute();
  const progress = await progressOf(
    database,
    orgId,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => toReply(row, progress.get(row.id)));
};

/** Ends a run that is not finished; its bills so far stay. */
export const cancelBillJob = async (
  database: Database,
  { orgId, principal }: Caller,
  { jobId, at }: { jobId: string; at: Date },
): Promise<BillJobReply> => {
  const move = { orgId, jobId, from: activeStatuses, to: "CANCELLED", at, principal } as const;
  await moveJob(database, billJobs, move);
  return readBillJob(database, { orgId, jobId });
};
