import { randomUUIDv7 } from "node:crypto";
import type { Selectable } from "kysely";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Document, LookupJobTable, Reader } from "../ports/database.ts";
import { isRecordId } from "../records/records.ts";
import type { Revision } from "./lookup-data.ts";

export type LookupJob = Selectable<LookupJobTable>;

interface NewJob {
  readonly orgId: string;
  readonly revision: Revision;
  readonly at: Date;
  readonly job: Pick<LookupJob, "type" | "status"> &
    Partial<
      Pick<
        LookupJob,
        "destination_id" | "file_name" | "content_type" | "content_length" | "data_version"
      >
    >;
}

export const newJob = async (
  reader: Reader,
  { orgId, revision, at, job }: NewJob,
): Promise<LookupJob> =>
  reader
    .insertInto("lookup_job")
    .values({
      destination_id: null,
      file_name: null,
      content_type: null,
      data_version: null,
      content_length: null,
      ...job,
      org_id: orgId,
      id: randomUUIDv7(),
      revision_id: revision.id,
      table_id: revision.lookupTableId,
      failure_reason: null,
      version: 1,
      job_date: at,
      stored_as: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();

/** A job whose file is open to whoever has its link; NOT_FOUND when there is none of these types. */
export const jobOfLink = async (
  reader: Reader,
  { orgId, id, types }: { orgId: string; id: string; types: readonly LookupJob["type"][] },
): Promise<LookupJob> => {
  if (!isRecordId(id)) throw new Problem("NOT_FOUND");
  const job = await reader
    .selectFrom("lookup_job")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("id", "=", id)
    .executeTakeFirst();
  if (job === undefined || !types.includes(job.type)) throw new Problem("NOT_FOUND");
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

const given = (fields: Readonly<Record<string, unknown>>): Document =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));

/** A job as a client reads it; a download with where to get it. */
export const toJobReply = (job: LookupJob, download: Document = {}): Document => ({
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
  ...download,
});
