import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { UsageExport } from "@turnpike/contract/sync/export-job.ts";
import {
  createExportJob,
  type ExportJob,
  keptMs,
  listExportJobs as listJobs,
  readExportJob,
  toExportJobReply,
} from "../exports/export-jobs.ts";
import { enqueue } from "../jobs/queue.ts";
import { metersSelected } from "../records/usage-fields.ts";
import { FileReply, type Handlers, type World } from "./handler.ts";

const openSeconds = 900;

const pathOf = (orgId: string, id: string): string => `/files/exports/${orgId}/${id}`;

/** What can be known to be wrong now is not found out behind the answer (m3ter semantics 21). */
const checkUsageExport = async (
  { database, now }: World,
  orgId: string,
  order: UsageExport,
): Promise<void> => {
  const tomorrow = new Date(now());
  tomorrow.setUTCHours(24, 0, 0, 0);
  if (order.endDate > tomorrow.toISOString()) {
    const message = `must not be after ${tomorrow.toISOString()}`;
    throw fieldProblem("RULE_VIOLATED", "endDate", message);
  }
  await metersSelected(database, { orgId, selection: order });
};

export const triggerDataExport: Handlers["triggerDataExport"] = async (request, world) => {
  const { orgId, body: order } = request;
  if (order.sourceType === "USAGE") await checkUsageExport(world, orgId, order);
  const jobId = await world.database.transaction().execute(async (transaction) => {
    const id = await createExportJob(transaction, request, { order, at: world.now() });
    await enqueue(transaction, "export-job", { orgId, jobId: id });
    return id;
  });
  return { jobId };
};

export const listExportJobs: Handlers["listExportJobs"] = ({ orgId, query }, { database }) => {
  const { pageSize, nextToken, dateCreatedStart: from, dateCreatedEnd: before, ...rest } = query;
  return listJobs(database, orgId, { filter: { ...rest, from, before }, pageSize, nextToken });
};

export const getExportJob: Handlers["getExportJob"] = async ({ orgId, params }, { database }) =>
  toExportJobReply(await readExportJob(database, { orgId, jobId: params["id"] ?? "" }));

/** The name of the job's file; NOT_FOUND before it is written and once it has been kept long enough. */
const storedFile = ({ status, stored_as, finished_at }: ExportJob, at: Date): string => {
  const isKept = finished_at !== null && at.getTime() - finished_at.getTime() < keptMs;
  if (stored_as !== null && isKept) return stored_as;
  const message = status === "SUCCEEDED" ? "is kept for 24 hours only" : `is ${status}`;
  throw new Problem("NOT_FOUND", [{ field: "jobId", message }]);
};

export const getExportDownloadUrl: Handlers["getExportDownloadUrl"] = async (
  { orgId, params, origin },
  { database, links, now },
) => {
  const job = await readExportJob(database, { orgId, jobId: params["jobId"] ?? "" });
  storedFile(job, now());
  const expirationTime = new Date(now().getTime() + openSeconds * 1000).toISOString();
  const url = links.sign(origin, pathOf(orgId, job.id), { seconds: openSeconds });
  return { url, expirationTime };
};

export const downloadExport: Handlers["downloadExport"] = async (
  { params, query },
  { database, exports, links, now },
) => {
  const { orgId = "", id = "" } = params;
  links.check(pathOf(orgId, id), query);
  const job = await readExportJob(database, { orgId, jobId: id });
  const body = exports.read(storedFile(job, now()));
  return new FileReply({ name: `export-${id}.zip`, contentType: "application/zip", body });
};
