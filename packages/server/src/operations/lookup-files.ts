import { sql } from "kysely";
import { type LookupFileType, lookupFileTypes } from "@turnpike/contract/catalog/operations.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import { decodePosition, pageOf, type Position } from "../records/paging.ts";
import {
  checkDraft,
  checkItem,
  putItems,
  readData,
  removeItems,
  revisionInPath,
  touchData,
} from "../resources/lookup-data.ts";
import { readLookupFile, writeLookupFile } from "../resources/lookup-files.ts";
import {
  fileUrl,
  jobOfRevision,
  jobOfToken,
  type LookupJob,
  newJob,
  toJobReply,
} from "../resources/lookup-jobs.ts";
import type { Handlers, World } from "./handler.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export const generateLookupUploadUrl: Handlers["generateLookupUploadUrl"] = async (
  { orgId, params, body, origin },
  { database, now },
) => {
  const revision = await revisionInPath(database, orgId, params);
  checkDraft(revision);
  const { fileName, contentType, version } = body;
  const job = await newJob(database, {
    orgId,
    revision,
    at: now(),
    openForMs: minuteMs,
    job: {
      type: "UPLOAD",
      status: "PENDING",
      file_name: fileName,
      content_type: contentType,
      data_version: version === undefined ? null : String(version),
    },
  });
  const headers = { "Content-Type": contentType };
  return { jobId: job.id, url: fileUrl(origin, job.token), headers };
};

const fileTypeOf = ({ content_type: type }: LookupJob): LookupFileType =>
  lookupFileTypes.find((known) => known === type) ?? "application/jsonl";

const pathOf = ({ table_id, revision_id }: LookupJob) => ({
  lookupTableId: table_id,
  lookupTableRevisionId: revision_id,
});

/** Replaces the rows of the revision by those of the file, all or none. */
const takeFile = (job: LookupJob, body: Uint8Array, { catalog }: World): Promise<void> => {
  const caller = { orgId: job.org_id, principal: job.id };
  return catalog.change(caller, async ({ transaction, at }) => {
    const { orgId, principal } = caller;
    const revision = await revisionInPath(transaction, orgId, pathOf(job));
    checkDraft(revision);
    const read = readLookupFile(revision, fileTypeOf(job), body);
    const items = read.map((item, index) => checkItem(revision, item, `items[${index}]`));
    const version = job.data_version === null ? {} : { version: Number(job.data_version) };
    await touchData(transaction, { orgId, revision, principal, at, ...version });
    await removeItems(transaction, { orgId, revision });
    await putItems(transaction, { orgId, revision }, items);
  });
};

/** The job says how it went; the uploader only learns that the file has arrived. */
export const uploadLookupFile: Handlers["uploadLookupFile"] = async ({ params, raw }, world) => {
  const { database, now } = world;
  const token = params["token"] ?? "";
  const job = await jobOfToken(database, { token, at: now(), types: ["UPLOAD"] });
  const finish = async (outcome: Partial<Pick<LookupJob, "status" | "failure_reason">>) =>
    database
      .updateTable("lookup_job")
      .set({ ...outcome, token: null, version: Number(job.version) + 1 })
      .where("org_id", "=", job.org_id)
      .where("id", "=", job.id)
      .execute();
  try {
    await takeFile(job, raw.body, world);
    await finish({ status: "SUCCEEDED" });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    await finish({ status: "FAILED", failure_reason: error.message });
  }
  return "";
};

export const downloadLookupData: Handlers["downloadLookupData"] = async (
  { orgId, params, body },
  { database, now },
) => {
  const revision = await revisionInPath(database, orgId, params);
  const job = await newJob(database, {
    orgId,
    revision,
    at: now(),
    openForMs: hourMs,
    job: { type: "DOWNLOAD", status: "SUCCEEDED", content_type: body.contentType },
  });
  return { jobId: job.id };
};

export const getArchivedLookupData: Handlers["getArchivedLookupData"] = async (
  { orgId, params, body, origin },
  { database, now },
) => {
  const revision = await revisionInPath(database, orgId, params);
  if (revision.status !== "ARCHIVED") {
    throw fieldProblem("RULE_VIOLATED", "status", `is ${revision.status}, not ARCHIVED`);
  }
  const job = await newJob(database, {
    orgId,
    revision,
    at: now(),
    openForMs: hourMs,
    job: { type: "ARCHIVE", status: "SUCCEEDED", content_type: body.contentType },
  });
  const expiry = job.token_expires_at?.toISOString();
  return { url: fileUrl(origin, job.token), expiry };
};

export const downloadLookupFile: Handlers["downloadLookupFile"] = async (
  { params },
  { database, now },
) => {
  const token = params["token"] ?? "";
  const types = ["DOWNLOAD", "ARCHIVE"] as const;
  const job = await jobOfToken(database, { token, at: now(), types });
  const { org_id: orgId } = job;
  const revision = await revisionInPath(database, orgId, pathOf(job));
  const limit = Number.MAX_SAFE_INTEGER;
  const { items } = await readData(database, { orgId, revision, limit });
  const type = fileTypeOf(job);
  const rows = Array.isArray(items) ? items : [];
  return new Response(writeLookupFile(revision, type, rows), {
    headers: { "content-type": `${type}; charset=utf-8` },
  });
};

const isAfter = ({ createdAt, id }: Position) =>
  sql<boolean>`(job_date, id) < (${createdAt}::timestamptz, ${id}::uuid)`;

export const listLookupDataJobs: Handlers["listLookupDataJobs"] = async (
  { orgId, params, query, origin },
  { database },
) => {
  const revision = await revisionInPath(database, orgId, params);
  const after = query.nextToken === undefined ? undefined : decodePosition(query.nextToken);
  const jobs = database
    .selectFrom("lookup_job")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("revision_id", "=", revision.id)
    .orderBy("job_date", "desc")
    .orderBy("id", "desc")
    .limit(query.pageSize + 1);
  const rows = await (after === undefined ? jobs : jobs.where(isAfter(after))).execute();
  const page = pageOf(rows, query.pageSize, (job) => ({
    createdAt: job.job_date.toISOString(),
    id: job.id,
  }));
  return { ...page, data: page.data.map((job) => toJobReply(job, origin)) };
};

export const getLookupDataJob: Handlers["getLookupDataJob"] = async (
  { orgId, params, origin },
  { database },
) => {
  const revision = await revisionInPath(database, orgId, params);
  const id = params["id"] ?? "";
  return toJobReply(await jobOfRevision(database, { orgId, revision, id }), origin);
};

export const deleteLookupDataJob: Handlers["deleteLookupDataJob"] = async (
  { orgId, params, origin },
  { database },
) => {
  const revision = await revisionInPath(database, orgId, params);
  const job = await jobOfRevision(database, { orgId, revision, id: params["id"] ?? "" });
  await database
    .deleteFrom("lookup_job")
    .where("org_id", "=", orgId)
    .where("id", "=", job.id)
    .execute();
  return toJobReply(job, origin);
};
