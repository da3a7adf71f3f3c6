import { randomUUIDv7 } from "node:crypto";
import { type Selectable, sql } from "kysely";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Database, Reader, UsageUploadTable } from "../ports/database.ts";
import { decodePosition, type Page, pageOf } from "../records/paging.ts";
import { isRecordId } from "../records/records.ts";

export type UsageUpload = Selectable<UsageUploadTable>;

export interface UploadKey {
  readonly orgId: string;
  readonly id: string;
}

/** A job as a client reads it (m3ter semantics 3.6). */
export const toUploadReply = (upload: UsageUpload) => ({
  id: upload.id,
  version: Number(upload.version),
  fileName: upload.file_name,
  uploadDate: upload.created_at.toISOString(),
  contentLength: Number(upload.content_length),
  status: upload.status,
  ...(upload.total_rows === null ? {} : { totalRows: Number(upload.total_rows) }),
  processedRows: Number(upload.processed_rows),
  failedRows: Number(upload.failed_rows),
  ...(upload.failure_reason === null ? {} : { failureReason: upload.failure_reason }),
});

export const createUpload = async (
  database: Database,
  orgId: string,
  file: { at: Date; fileName: string; contentType: string; contentLength: number },
): Promise<string> => {
  const id = randomUUIDv7();
  await database
    .insertInto("usage_upload")
    .values({
      org_id: orgId,
      id,
      version: 1,
      file_name: file.fileName,
      content_type: file.contentType,
      content_length: file.contentLength,
      status: "notUploaded",
      stored_as: null,
      failure_reason: null,
      total_rows: null,
      created_at: file.at,
    })
    .execute();
  return id;
};

/** NOT_FOUND when the organization has no upload of that id. */
export const readUpload = async (
  reader: Reader,
  { orgId, id }: UploadKey,
): Promise<UsageUpload> => {
  if (!isRecordId(id)) throw new Problem("NOT_FOUND");
  const found = await reader
    .selectFrom("usage_upload")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("id", "=", id)
    .executeTakeFirst();
  if (found === undefined) throw new Problem("NOT_FOUND");
  return found;
};

export type UploadChange = Partial<
  Pick<
    UsageUpload,
    | "status"
    | "stored_as"
    | "failure_reason"
    | "total_rows"
    | "processed_rows"
    | "failed_rows"
    | "is_in_doubt"
  >
>;

/** False when it was no longer in that status. */
export const changeUpload = async (
  reader: Reader,
  { orgId, id }: UploadKey,
  { from, to }: { from: UsageUpload["status"]; to: UploadChange },
): Promise<boolean> => {
  const { numUpdatedRows } = await reader
    .updateTable("usage_upload")
    .set({ ...to, version: sql<string>`version + 1` })
    .where("org_id", "=", orgId)
    .where("id", "=", id)
    .where("status", "=", from)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/** A page of an organization's uploads, newest first: `from` ≤ created < `before`. */
export const listUploads = async (
  database: Database,
  orgId: string,
  page: {
    from?: string | undefined;
    before?: string | undefined;
    /** The key of a file is the id of its job. */
    fileKey?: string | undefined;
    pageSize: number;
    nextToken?: string | undefined;
  },
): Promise<Page<ReturnType<typeof toUploadReply>>> => {
  const { from, before, fileKey, pageSize, nextToken } = page;
  let query = database.selectFrom("usage_upload").selectAll().where("org_id", "=", orgId);
  if (from !== undefined) query = query.where("created_at", ">=", new Date(from));
  if (before !== undefined) query = query.where("created_at", "<", new Date(before));
  if (fileKey !== undefined) query = query.where(sql`id::text`, "=", fileKey);
  if (nextToken !== undefined) {
    const { createdAt, id } = decodePosition(nextToken);
    query = query.where(sql<boolean>`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  const rows = await query
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(pageSize + 1)
    .execute();
  const found = pageOf(rows, pageSize, (row) => ({
    createdAt: row.created_at.toISOString(),
    id: row.id,
  }));
  return { ...found, data: found.data.map(toUploadReply) };
};
