import { sql } from "kysely";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { enqueue } from "../jobs/queue.ts";
import { decodePosition, pageOf, type Position } from "../records/paging.ts";
import { allItems, checkDraft, revisionInPath } from "../resources/lookup-data.ts";
import { writeLookupFile } from "../resources/lookup-files.ts";
import {
  jobOfLink,
  jobOfRevision,
  type LookupJob,
  newJob,
  toJobReply,
} from "../resources/lookup-jobs.ts";
import { fileTypeOf, pathOf } from "../resources/lookup-upload.ts";
import { FileReply, type Handlers, type World } from "./handler.ts";
import { ofLength } from "./streams.ts";

const uploadSeconds = 60;
const downloadSeconds = 3600;

const linkPath = (orgId: string, id: string): string => `/files/lookup/${orgId}/${id}`;

type Reader = Pick<World, "links" | "now"> & { readonly origin: string };

/** Where a job's rows can be got, and until when. */
const rowsLink = ({ links, now, origin }: Reader, { org_id, id }: LookupJob) => {
  const seconds = downloadSeconds;
  const url = links.sign(origin, `${linkPath(org_id, id)}/rows`, { seconds });
  return { url, expiry: new Date(now().getTime() + seconds * 1000).toISOString() };
};

/** A job with, where it is a download, a link that was signed now. */
const jobReply = (reader: Reader, job: LookupJob) => {
  if (job.type !== "DOWNLOAD") return toJobReply(job);
  const { url: downloadUrl, expiry: downloadUrlExpiry } = rowsLink(reader, job);
  return toJobReply(job, { downloadUrl, downloadUrlExpiry });
};

export const generateLookupUploadUrl: Handlers["generateLookupUploadUrl"] = async (
  { orgId, params, body, origin },
  { database, links, now },
) => {
  const revision = await revisionInPath(database, orgId, params);
  checkDraft(revision);
  const { fileName, contentType, contentLength, version } = body;
  const job = await newJob(database, {
    orgId,
    revision,
    at: now(),
    job: {
      type: "UPLOAD",
      status: "PENDING",
      file_name: fileName,
      content_type: contentType,
      content_length: String(contentLength),
      data_version: version === undefined ? null : String(version),
    },
  });
  const url = links.sign(origin, linkPath(orgId, job.id), { seconds: uploadSeconds });
  return { jobId: job.id, url, headers: { "Content-Type": contentType } };
};

/** A file is uploaded once; the job says what became of its rows. */
export const uploadLookupFile: Handlers["uploadLookupFile"] = async (
  { params, query, stream },
  { database, files, links },
) => {
  const { orgId = "", id = "" } = params;
  links.check(linkPath(orgId, id), query);
  const job = await jobOfLink(database, { orgId, id, types: ["UPLOAD"] });
  const uploaded = fieldProblem("RULE_VIOLATED", "file", "was uploaded before");
  if (job.stored_as !== null || job.status !== "PENDING") throw uploaded;
  const name = await files.write(ofLength(stream, Number(job.content_length)));
  const isFirst = await database.transaction().execute(async (transaction) => {
    const { numUpdatedRows } = await transaction
      .updateTable("lookup_job")
      .set({ stored_as: name })
      .where("org_id", "=", orgId)
      .where("id", "=", job.id)
      .where("status", "=", "PENDING")
      .where("stored_as", "is", null)
      .executeTakeFirst();
    if (numUpdatedRows === 1n)
      await enqueue(transaction, "lookup-upload", { orgId, jobId: job.id });
    return numUpdatedRows === 1n;
  });
  if (isFirst) return "";
  await files.remove(name);
  throw uploaded;
};

export const downloadLookupData: Handlers["downloadLookupData"] = async (
  { orgId, params, body },
  { database, now },
) => {
  const revision = await revisionInPath(database, orgId, params);
  const { contentType: content_type } = body;
  const job = await newJob(database, {
    orgId,
    revision,
    at: now(),
    job: { type: "DOWNLOAD", status: "SUCCEEDED", content_type },
  });
  return { jobId: job.id };
};

export const getArchivedLookupData: Handlers["getArchivedLookupData"] = async (
  { orgId, params, body, origin },
  { database, links, now },
) => {
  const revision = await revisionInPath(database, orgId, params);
  if (revision.status !== "ARCHIVED") {
    throw fieldProblem("RULE_VIOLATED", "status", `is ${revision.status}, not ARCHIVED`);
  }
  const { contentType: content_type } = body;
  const job = await newJob(database, {
    orgId,
    revision,
    at: now(),
    job: { type: "ARCHIVE", status: "SUCCEEDED", content_type },
  });
  return rowsLink({ links, now, origin }, job);
};

export const downloadLookupFile: Handlers["downloadLookupFile"] = async (
  { params, query },
  { database, links },
) => {
  const { orgId = "", id = "" } = params;
  links.check(`${linkPath(orgId, id)}/rows`, query);
  const job = await jobOfLink(database, { orgId, id, types: ["DOWNLOAD", "ARCHIVE"] });
  const revision = await revisionInPath(database, orgId, pathOf(job));
  const type = fileTypeOf(job);
  return new FileReply({
    name: `${revision.id}.${type === "text/csv" ? "csv" : "jsonl"}`,
    contentType: `${type}; charset=utf-8`,
    body: writeLookupFile(revision, type, allItems(database, { orgId, revision })),
  });
};

const isAfter = ({ createdAt, id }: Position) =>
  sql<boolean>`(job_date, id) < (${createdAt}::timestamptz, ${id}::uuid)`;

export const listLookupDataJobs: Handlers["listLookupDataJobs"] = async (
  { orgId, params, query, origin },
  { database, links, now },
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
  return { ...page, data: page.data.map((job) => jobReply({ links, now, origin }, job)) };
};

export const getLookupDataJob: Handlers["getLookupDataJob"] = async (
  { orgId, params, origin },
  { database, links, now },
) => {
  const revision = await revisionInPath(database, orgId, params);
  const id = params["id"] ?? "";
  return jobReply({ links, now, origin }, await jobOfRevision(database, { orgId, revision, id }));
};

export const deleteLookupDataJob: Handlers["deleteLookupDataJob"] = async (
  { orgId, params, origin },
  { database, links, now },
) => {
  const revision = await revisionInPath(database, orgId, params);
  const job = await jobOfRevision(database, { orgId, revision, id: params["id"] ?? "" });
  await database
    .deleteFrom("lookup_job")
    .where("org_id", "=", orgId)
    .where("id", "=", job.id)
    .execute();
  return jobReply({ links, now, origin }, job);
};
