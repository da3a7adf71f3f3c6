import {
  activeStatuses,
  cancelBillJob as cancel,
  createBillJob as create,
  createRecalculation,
  listBillJobs as list,
  readBillJob,
} from "../billing/bill-jobs.ts";
import { decodePosition, pageOf } from "../records/paging.ts";
import { runDueSchedules } from "../resources/schedule-clock.ts";
import type { Handlers } from "./handler.ts";

export const createBillJob: Handlers["createBillJob"] = async (request, world) => {
  const { database, now, background } = world;
  // A bill of today carries today's charges, also before the clock has come round to them.
  await runDueSchedules(world, request.orgId);
  const order = { request: request.body, at: now(), background };
  const jobId = await create(database, request, order);
  return readBillJob(database, { orgId: request.orgId, jobId });
};

export const recalculateBills: Handlers["recalculateBills"] = async (request, world) => {
  const { database, now, background } = world;
  const order = { billIds: request.body.billIds, at: now(), background };
  const jobId = await createRecalculation(database, request, order);
  return readBillJob(database, { orgId: request.orgId, jobId });
};

export const getBillJob: Handlers["getBillJob"] = ({ orgId, params }, { database }) =>
  readBillJob(database, { orgId, jobId: params["id"] ?? "" });

export const cancelBillJob: Handlers["cancelBillJob"] = (request, { database, now }) =>
  cancel(database, request, { jobId: request.params["id"] ?? "", at: now() });

export const listBillJobs: Handlers["listBillJobs"] = async ({ orgId, query }, { database }) => {
  const { active, status, pageSize, nextToken } = query;
  const after = nextToken === undefined ? undefined : decodePosition(nextToken);
  const statuses = status === undefined ? (active === true ? activeStatuses : []) : [status];
  const jobs = await list(database, orgId, { limit: pageSize + 1, after, statuses });
  return pageOf(jobs, pageSize, ({ dtCreated, id }) => ({ createdAt: dtCreated, id }));
};
