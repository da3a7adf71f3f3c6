import { randomUUIDv7 } from "node:crypto";
import { type Selectable, sql } from "kysely";
import { account } from "@turnpike/contract/accounts/account.ts";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import type { StatementJobStatus } from "@turnpike/contract/billing/statement-job.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type {
  Database,
  DatabaseTransaction,
  Reader,
  StatementFormat,
  StatementJobTable,
} from "../../ports/database.ts";
import type { Caller } from "../../records/caller.ts";
import { lookup, lookupAll } from "../../records/lookup.ts";
import type { Position } from "../../records/paging.ts";
import type { Background } from "../background.ts";
import type { BillRow } from "../bill-replies.ts";
import { recordChanges, statementJobDocument } from "../changes.ts";
import { moveJob, statementJobs } from "../job-moves.ts";

export const activeStatementStatuses = ["PENDING", "RUNNING"] as const;

/** LATEST: shows the bill as it stands. STALE: calculated again since. INVALIDATED: a later job's file is there. */
export type StatementStatus = "LATEST" | "STALE" | "INVALIDATED";

/** A job with what has become of its files. */
export interface StatementJob extends Selectable<StatementJobTable> {
  readonly files: Readonly<Partial<Record<StatementFormat, StatementStatus>>>;
}

export interface StatementOrder {
  readonly billIds: readonly string[];
  readonly includesCsv: boolean;
  readonly meterIds: readonly string[];
}

interface Ordering {
  readonly order: StatementOrder;
  readonly at: Date;
  readonly background: Background;
}

/** Queues one job for each bill; the bills exist. */
export const createStatementJobs = async (
  transaction: DatabaseTransaction,
  { orgId, principal }: Caller,
  { order, at, background }: Ordering,
): Promise<string[]> => {
  const ids: string[] = [];
  for (const billId of order.billIds) {
    const jobId = randomUUIDv7();
    const job = await transaction
      .insertInto("statement_job")
      .values({
        org_id: orgId,
        id: jobId,
        version: 1,
        bill_id: billId,
        status: "PENDING",
        includes_csv: order.includesCsv,
        meter_ids: JSON.stringify(order.meterIds),
        dt_created: at,
        dt_last_modified: at,
        created_by: principal,
        last_modified_by: principal,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const changes = [{ id: jobId, after: statementJobDocument(job) }];
    await recordChanges(transaction, { orgId, principal }, { kind: "statementJob", at, changes });
    await background.statementJob(transaction, { orgId, jobId });
    ids.push(jobId);
  }
  return ids;
};

/**
 * What approving and locking bring along (m3ter semantics 19): the account's mode, else its organization's. A bill
 * whose statement is there and not stale has what it needs.
 */
export const generateStatements = async (
  transaction: DatabaseTransaction,
  caller: Caller,
  given: { bills: readonly BillRow[]; at: Date; background: Background },
): Promise<void> => {
  const { orgId } = caller;
  const config = await lookup(transaction, organizationConfig, { orgId, id: orgId });
  const ids = given.bills.map(({ account_id }) => account_id);
  const accounts = await lookupAll(transaction, account, { orgId, ids });
  for (const bill of given.bills) {
    const own = accounts.get(bill.account_id)?.autoGenerateStatementMode;
    const mode = own ?? config?.autoGenerateStatementMode ?? "NONE";
    const includesCsv = mode === "JSON_AND_CSV";
    const isThere =
      bill.statements.JSON === false && (!includesCsv || bill.statements.CSV === false);
    if (mode === "NONE" || isThere) continue;
    const order = { billIds: [bill.id], includesCsv, meterIds: [] };
    await createStatementJobs(transaction, caller, { ...given, order });
  }
};

const select = sql`
  SELECT job.*, (
    SELECT coalesce(jsonb_object_agg(file.format,
      CASE WHEN file.job_id IS DISTINCT FROM job.id THEN 'INVALIDATED' WHEN file.is_stale THEN 'STALE' ELSE 'LATEST' END
    ), '{}')
    FROM statement file WHERE file.org_id = job.org_id AND file.bill_id = job.bill_id
      AND job.status = 'COMPLETE' AND (file.format = 'JSON' OR job.includes_csv)
  ) AS files FROM statement_job job`;

/** Newest first, at most `limit`. */
export const listStatementJobs = async (
  database: Database,
  orgId: string,
  page: {
    limit: number;
    after: Position | undefined;
    billId: string | undefined;
    statuses: readonly StatementJobStatus[];
  },
): Promise<StatementJob[]> => {
  const wanted = [sql<boolean>`job.org_id = ${orgId}`];
  if (page.billId !== undefined) wanted.push(sql`job.bill_id::text = ${page.billId}`);
  if (page.statuses.length > 0) wanted.push(sql`job.status = ANY(${page.statuses})`);
  if (page.after !== undefined) {
    const { createdAt, id } = page.after;
    wanted.push(sql`(job.dt_created, job.id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  const { rows } = await sql<StatementJob>`
    ${select} WHERE ${sql.join(wanted, sql` AND `)} ORDER BY job.dt_created DESC, job.id DESC
    LIMIT ${page.limit}
  `.execute(database);
  return rows;
};

/** The job; NOT_FOUND when the organization has none of that id. */
export const readStatementJob = async (
  reader: Reader,
  { orgId, jobId }: { orgId: string; jobId: string },
): Promise<StatementJob> => {
  const { rows } = await sql<StatementJob>`
    ${select} WHERE job.org_id = ${orgId} AND job.id::text = ${jobId}
  `.execute(reader);
  const [row] = rows;
  if (row === undefined) throw new Problem("NOT_FOUND");
  return row;
};

/** Moves the job on unless it has ended, and records that; whether it moved. */
export const moveStatementJob = (
  database: Database,
  caller: Caller,
  move: { readonly jobId: string; readonly to: StatementJobStatus; readonly at: Date },
): Promise<boolean> =>
  moveJob(database, statementJobs, { ...caller, ...move, from: activeStatementStatuses });

/** They go with their bill. */
export const removeStatementJobs = async (
  transaction: DatabaseTransaction,
  { orgId, principal }: Caller,
  { billId, at }: { billId: string; at: Date },
): Promise<void> => {
  const gone = await transaction
    .deleteFrom("statement_job")
    .where("org_id", "=", orgId)
    .where("bill_id", "=", billId)
    .returningAll()
    .execute();
  const changes = gone.map((job) => ({ id: job.id, before: statementJobDocument(job) }));
  await recordChanges(transaction, { orgId, principal }, { kind: "statementJob", at, changes });
};
