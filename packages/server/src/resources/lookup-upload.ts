import { sql } from "kysely";
import { lookupFileTypes, type LookupFileType } from "@turnpike/contract/catalog/operations.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import type { FileStore } from "../ports/file-store.ts";
import {
  checkDraft,
  checkItem,
  lockTable,
  putItems,
  removeItems,
  revisionInPath,
  touchData,
} from "./lookup-data.ts";
import { readLookupFile } from "./lookup-files.ts";
import type { LookupJob } from "./lookup-jobs.ts";

export interface LookupUploadParts {
  readonly database: Database;
  readonly files: FileStore;
  readonly now: () => Date;
}

interface JobKey {
  readonly orgId: string;
  readonly jobId: string;
}

export const fileTypeOf = ({ content_type: type }: LookupJob): LookupFileType =>
  lookupFileTypes.find((known) => known === type) ?? "application/jsonl";

export const pathOf = ({ table_id, revision_id }: LookupJob) => ({
  lookupTableId: table_id,
  lookupTableRevisionId: revision_id,
});

/** The job, held until the transaction ends; undefined when it is gone or over. */
const openJob = (
  transaction: DatabaseTransaction,
  { orgId, jobId }: JobKey,
): Promise<LookupJob | undefined> =>
  transaction
    .selectFrom("lookup_job")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("id", "=", jobId)
    .where("status", "=", "PENDING")
    .forUpdate()
    .executeTakeFirst();

const endJob = async (
  writer: Database,
  { orgId, jobId }: JobKey,
  outcome: Partial<Pick<LookupJob, "status" | "failure_reason">>,
): Promise<void> => {
  await writer
    .updateTable("lookup_job")
    .set({ ...outcome, stored_as: null, version: sql<string>`version + 1` })
    .where("org_id", "=", orgId)
    .where("id", "=", jobId)
    .where("status", "=", "PENDING")
    .execute();
};

/** Replaces the rows of the revision by those of the file, all or none. */
const takeFile = async (
  transaction: DatabaseTransaction,
  job: LookupJob,
  { files, now }: LookupUploadParts,
): Promise<void> => {
  const { org_id: orgId, id: principal, stored_as: name } = job;
  if (name === null) throw new Error("an upload that is read has a file");
  await lockTable(transaction, orgId, await revisionInPath(transaction, orgId, pathOf(job)));
  const revision = await revisionInPath(transaction, orgId, pathOf(job));
  checkDraft(revision);
  const version = job.data_version === null ? {} : { version: Number(job.data_version) };
  await touchData(transaction, { orgId, revision, principal, at: now(), ...version });
  await removeItems(transaction, { orgId, revision });
  let count = 0;
  for await (const read of readLookupFile(revision, fileTypeOf(job), files.read(name))) {
    const first = count;
    const items = read.map((item, index) => checkItem(revision, item, `items[${first + index}]`));
    await putItems(transaction, { orgId, revision, first }, items);
    count += items.length;
  }
};

/**
 * Takes the rows of an uploaded file. They and the end of the job are one transaction, so that a run that was cut off
 * is run again from the start.
 */
export const runLookupUpload = async (parts: LookupUploadParts, key: JobKey): Promise<void> => {
  const { database, files } = parts;
  const stored = await database
    .selectFrom("lookup_job")
    .select("stored_as")
    .where("org_id", "=", key.orgId)
    .where("id", "=", key.jobId)
    .executeTakeFirst();
  try {
    await database.transaction().execute(async (transaction) => {
      const job = await openJob(transaction, key);
      if (job === undefined) return;
      await takeFile(transaction, job, parts);
      await endJob(transaction, key, { status: "SUCCEEDED" });
    });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    await endJob(database, key, { status: "FAILED", failure_reason: error.message });
  }
  const name = stored?.stored_as ?? null;
  if (name !== null) await files.remove(name);
};
