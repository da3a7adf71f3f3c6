import { randomUUIDv7 } from "node:crypto";
import { type Selectable, sql } from "kysely";
import { eventDays } from "@turnpike/contract/event.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { ExportOrder, ExportStatus } from "@turnpike/contract/sync/export-job.ts";
import type { Database, DatabaseTransaction, ExportJobTable, Reader } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { decodePosition, type Page, pageOf } from "../records/paging.ts";
import { isRecordId } from "../records/records.ts";

export type ExportJob = Selectable<ExportJobTable>;

export interface ExportJobKey {
  readonly orgId: string;
  readonly jobId: string;
}

/** How long the file of an export is kept (m3ter semantics 21). */
export const keptMs = 24 * 3_600_000;

/** How long a job that has ended can be read, our rule: as long as the event of one that failed. */
export const jobKeptMs = eventDays * 24 * 3_600_000;

/** A job as a client reads it. */
export const toExportJobReply = (job: ExportJob) => ({
  id: job.id,
  version: Number(job.version),
  scheduleId: job.schedule_id ?? undefined,
  startedAt: job.started_at?.toISOString(),
  dateCreated: job.dt_created.toISOString(),
  sourceType: job.request.sourceType,
  status: job.status,
  failureReason: job.failure_reason ?? undefined,
});

export const createExportJob = async (
  transaction: DatabaseTransaction,
  { orgId, principal }: Caller,
  { order, at, scheduleId }: { order: ExportOrder; at: Date; scheduleId?: string },
): Promise<string> => {
  const id = randomUUIDv7();
  await transaction
    .insertInto("export_job")
    .values({
      org_id: orgId,
      id,
      version: 1,
      schedule_id: scheduleId ?? null,
      status: "PENDING",
      request: JSON.stringify(order),
      stored_as: null,
      failure_reason: null,
      dt_created: at,
      started_at: null,
      finished_at: null,
      created_by: principal,
    })
    .execute();
  return id;
};

/** NOT_FOUND when the organization has no export of that id. */
export const readExportJob = async (
  reader: Reader,
  { orgId, jobId }: ExportJobKey,
): Promise<ExportJob> => {
  if (!isRecordId(jobId)) throw new Problem("NOT_FOUND");
  const found = await reader
    .selectFrom("export_job")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("id", "=", jobId)
    .executeTakeFirst();
  if (found === undefined) throw new Problem("NOT_FOUND");
  return found;
};

type Change = Partial<
  Pick<ExportJob, "status" | "stored_as" | "failure_reason" | "started_at" | "finished_at">
>;

/** False when the job had ended already. */
export const changeExportJob = async (
  writer: Database,
  { orgId, jobId }: ExportJobKey,
  change: Change,
): Promise<boolean> => {
  const { numUpdatedRows } = await writer
    .updateTable("export_job")
    .set({ ...change, version: sql<string>`version + 1` })
    .where("org_id", "=", orgId)
    .where("id", "=", jobId)
    .where("status", "in", ["PENDING", "RUNNING"])
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/** What a list may be narrowed by: `from` ≤ created < `before`. */
export interface ExportJobFilter {
  readonly ids?: readonly string[] | undefined;
  readonly scheduleId?: string | undefined;
  readonly status?: ExportStatus | undefined;
  readonly from?: string | undefined;
  readonly before?: string | undefined;
}

const selectJobs = (database: Database, orgId: string, filter: ExportJobFilter) => {
  const { ids, scheduleId, status, from, before } = filter;
  let query = database.selectFrom("export_job").selectAll().where("org_id", "=", orgId);
  if (ids !== undefined) {
    query = query.where(sql<boolean>`id = ANY(${ids.filter(isRecordId)}::uuid[])`);
  }
  if (scheduleId !== undefined) {
    query = isRecordId(scheduleId)
      ? query.where("schedule_id", "=", scheduleId)
      : query.where(sql<boolean>`false`);
  }
  if (status !== undefined) query = query.where("status", "=", status);
  if (from !== undefined) query = query.where("dt_created", ">=", new Date(from));
  if (before !== undefined) query = query.where("dt_created", "<", new Date(before));
  return query;
};

/** A page of an organization's exports, newest first. */
export const listExportJobs = async (
  database: Database,
  orgId: string,
  page: { filter: ExportJobFilter; pageSize: number; nextToken?: string | undefined },
): Promise<Page<ReturnType<typeof toExportJobReply>>> => {
  const { filter, pageSize, nextToken } = page;
  let query = selectJobs(database, orgId, filter);
  if (nextToken !== undefined) {
    const { createdAt, id } = decodePosition(nextToken);
    query = query.where(sql<boolean>`(dt_created, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  const rows = await query
    .orderBy("dt_created", "desc")
    .orderBy("id", "desc")
    .limit(pageSize + 1)
    .execute();
  const found = pageOf(rows, pageSize, (row) => ({
    createdAt: row.dt_created.toISOString(),
    id: row.id,
  }));
  return { ...found, data: found.data.map(toExportJobReply) };
};
