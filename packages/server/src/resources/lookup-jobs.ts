import { randomBytes, randomUUIDv7 } from "node:crypto";
import type { Selectable } from "kysely";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Database, DatabaseTransaction, Document, LookupJobTable } from "../ports/database.ts";
import { isRecordId } from "../records/records.ts";
import type { Revision } from "./lookup-data.ts";

type Reader = Database | DatabaseTransaction;
export type LookupJob = Selectable<LookupJobTable>;

interface NewJob {
  readonly orgId: string;
  readonly revision: Revision;
  readonly at: Date;
  readonly job: Pick<LookupJob, "type" | "status"> &
    Partial<Pick<LookupJob, "destination_id" | "file_name" | "content_type" | "data_version">>;
  /** How long the job's file can be reached by its URL. */
  readonly openForMs?: number;
}

export const newJob = async (
  reader: Reader,
  { orgId, revision, at, job, openForMs }: NewJob,
): Promise<LookupJob> =>
  reader
    .insertInto("lookup_job")
    .values({
      destination_id: null,
      file_name: null,
      content_type: null,
      data_version: null,
      ...job,
      org_id: orgId,
      id: randomUUIDv7(),
      revision_id: revision.id,
      table_id: revision.lookupTableId,
      failure_reason: null,
      version: 1,
      job_date: at,
      token: openForMs === undefined ? null : randomBytes(32).toString("base64url"),
      token_expires_at: openForMs === undefined ? null : new Date(at.getTime() + openForMs),
    })
    .returningAll()
    .executeTakeFirstOrThrow();

/** The job whose file a URL opens; NOT_FOUND when there is none or its time is over. */
export const jobOfToken = async (
  reader: Reader,
  { token, at, types }: { token: string; at: Date; types: readonly LookupJob["type"][] },
): Promise<LookupJob> => {
  const job = await reader
    .selectFrom("lookup_job")
    .selectAll()
    .where("token", "=", token)
    .executeTakeFirst();
  const isOpen = job !== undefined && (job.token_expires_at ?? at) > at;
  if (!isOpen || !types.includes(job.type)) throw new Problem("NOT_FOUND");
  return job;
};

export const jobOfRevision = async (
  reader: Reader,
  { orgId, revision, id }: { orgId: string; revision: Revision; id: string },
): Promise<LookupJob> => {
  if (!isRecordId(id)) throw new Problem("NOT_FOUND");
  const job = await reader
    .selectFrom("lookup_job")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("revision_id", "=", revision.id)
    .where("id", "=", id)
    .executeTakeFirst();
  if (job === undefined) throw new Problem("NOT_FOUND");
  return job;
};

/** The URL that a token opens, on the host that the caller knows. */
export const fileUrl = (origin: string, token: string | null): string =>
  `${origin}/files/lookup/${token ?? ""}`;

const given = (fields: Readonly<Record<string, unknown>>): Document =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));

/** A job as a client reads it. */
export const toJobReply = (job: LookupJob, origin: string): Document => ({
  id: job.id,
  version: Number(job.version),
  lookupTableId: job.table_id,
  lookupTableRevisionId: job.revision_id,
  jobDate: job.job_date.toISOString(),
  type: job.type,
  status: job.status,
  ...given({
    destinationLookupTableRevisionId: job.destination_id,
    fileName: job.file_name,
    failureReason: job.failure_reason,
  }),
  ...(job.type === "DOWNLOAD"
    ? given({
        downloadUrl: fileUrl(origin, job.token),
        downloadUrlExpiry: job.token_expires_at?.toISOString() ?? null,
      })
    : {}),
});
