import { Problem } from "@turnpike/contract/problem.ts";
import { refuseMissing } from "../billing/bill-lifecycle.ts";
import { findBills, getBill } from "../billing/bill-queries.ts";
import {
  activeStatementStatuses,
  createStatementJobs as create,
  listStatementJobs as list,
  moveStatementJob,
  readStatementJob,
  type StatementJob,
} from "../billing/statements/jobs.ts";
import {
  makeStatements,
  readLineStatement,
  readStatement,
} from "../billing/statements/statements.ts";
import type { StatementFormat } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { decodePosition, pageOf } from "../records/paging.ts";
import { FileReply, type Handlers, type World } from "./handler.ts";

const pathOf = (orgId: string, billId: string, file: string): string =>
  `/downloads/${orgId}/bills/${billId}/${file}`;

const files: Readonly<Record<StatementFormat, string>> = {
  JSON: "statement.json",
  CSV: "statement.csv",
};

type Reader = Pick<World, "links"> & { readonly origin: string };

const linkTo = (
  { links, origin }: Reader,
  job: Pick<StatementJob, "org_id" | "bill_id">,
  format: StatementFormat,
): string => links.sign(origin, pathOf(job.org_id, job.bill_id, files[format]));

/** The fields of the document; links only to files that are there (m3ter semantics 19). */
const jobReply = (reader: Reader, job: StatementJob) => {
  const { JSON: json, CSV: csv } = job.files;
  return {
    id: job.id,
    version: Number(job.version),
    orgId: job.org_id,
    billId: job.bill_id,
    statementJobStatus: job.status,
    includeCsvFormat: job.includes_csv,
    filters: job.meter_ids.length === 0 ? undefined : { meterIds: job.meter_ids },
    jsonStatementStatus: json,
    presignedJsonStatementUrl: json && linkTo(reader, job, "JSON"),
    csvStatementStatus: csv,
    presignedCsvStatementUrl: csv && linkTo(reader, job, "CSV"),
    dtCreated: job.dt_created.toISOString(),
    dtLastModified: job.dt_last_modified.toISOString(),
    createdBy: job.created_by,
    lastModifiedBy: job.last_modified_by,
  };
};

interface Wanted {
  readonly billIds: readonly string[];
  /** Where the request names each. */
  readonly fieldOf?: (index: number) => string;
  readonly includeCsvFormat: boolean;
  readonly filters?: { readonly meterIds?: readonly string[] | undefined } | undefined;
}

const order = async (
  world: World,
  caller: Caller & { readonly origin: string },
  { billIds, fieldOf, includeCsvFormat, filters }: Wanted,
) => {
  const { orgId, origin } = caller;
  const ids = await world.database.transaction().execute(async (transaction) => {
    const filter = { ids: billIds };
    const bills = await findBills(transaction, orgId, { filter, limit: billIds.length });
    refuseMissing(billIds, bills, fieldOf);
    return create(transaction, caller, {
      order: { billIds, includesCsv: includeCsvFormat, meterIds: filters?.meterIds ?? [] },
      at: world.now(),
      background: world.background,
    });
  });
  const reader = { links: world.links, origin };
  return Promise.all(
    ids.map(async (jobId) =>
      jobReply(reader, await readStatementJob(world.database, { orgId, jobId })),
    ),
  );
};

export const createStatementJob: Handlers["createStatementJob"] = async (request, world) => {
  const { billId, ...rest } = request.body;
  const [job] = await order(world, request, {
    billIds: [billId],
    fieldOf: () => "billId",
    ...rest,
  });
  return job;
};

export const createStatementJobs: Handlers["createStatementJobs"] = (request, world) =>
  order(world, request, request.body);

/** Only one of its filters at a time, says the document. */
export const listStatementJobs: Handlers["listStatementJobs"] = async (request, world) => {
  const { active, status, billId, pageSize, nextToken } = request.query;
  const given = Object.entries({ active, status, billId }).filter(([, v]) => v !== undefined);
  if (given.length > 1) {
    const message = `cannot be combined with ${given[0]?.[0]}`;
    throw new Problem("VALIDATION_FAILED", [{ field: given[1]?.[0] ?? "", message }]);
  }
  const jobs = await list(world.database, request.orgId, {
    limit: pageSize + 1,
    after: nextToken === undefined ? undefined : decodePosition(nextToken),
    billId,
    statuses: status === undefined ? (active === true ? activeStatementStatuses : []) : [status],
  });
  const reader = { links: world.links, origin: request.origin };
  return pageOf(
    jobs.map((job) => jobReply(reader, job)),
    pageSize,
    ({ dtCreated, id }) => ({ createdAt: dtCreated, id }),
  );
};

const job = async ({ database, links }: World, { orgId, origin }: Placed, jobId: string) =>
  jobReply({ links, origin }, await readStatementJob(database, { orgId, jobId }));

export const getStatementJob: Handlers["getStatementJob"] = (request, world) =>
  job(world, request, request.params["id"] ?? "");

/** A job that has ended stays as it ended. */
export const cancelStatementJob: Handlers["cancelStatementJob"] = async (request, world) => {
  const jobId = request.params["id"] ?? "";
  const to = "CANCELLED";
  await moveStatementJob(world.database, request, { jobId, to, at: world.now() });
  return job(world, request, jobId);
};

interface Placed {
  readonly orgId: string;
  readonly origin: string;
  readonly params: Readonly<Record<string, string>>;
}

const statementLink = async (
  { database, links }: World,
  { orgId, origin, params }: Placed,
  format: StatementFormat,
) => {
  const bill = await getBill(database, { orgId, id: params["id"] ?? "" });
  await readStatement(database, { orgId, billId: bill.id, format });
  return { downloadUrl: linkTo({ links, origin }, { org_id: orgId, bill_id: bill.id }, format) };
};

export const getBillJsonStatement: Handlers["getBillJsonStatement"] = (request, world) =>
  statementLink(world, request, "JSON");

export const getBillCsvStatement: Handlers["getBillCsvStatement"] = (request, world) =>
  statementLink(world, request, "CSV");

export const createBillCsvStatement: Handlers["createBillCsvStatement"] = async (
  request,
  world,
) => {
  const { orgId, params } = request;
  const bill = await getBill(world.database, { orgId, id: params["id"] ?? "" });
  const formats = ["CSV"] as const;
  await makeStatements(world, { orgId, billId: bill.id, meterIds: [], formats, jobId: null });
  return statementLink(world, request, "CSV");
};

export const getBillLineItemJsonUsage: Handlers["getBillLineItemJsonUsage"] = async (
  { orgId, origin, params },
  { database, links },
) => {
  const { billId = "", id: lineId = "" } = params;
  await readLineStatement(database, { orgId, billId, lineId });
  const path = pathOf(orgId, billId, "usage.json");
  return { downloadUrl: links.sign(origin, path, { query: { lineId } }) };
};

/** The file that a link opens: the link was signed by who may see it. */
export const openStatement: Handlers["openStatement"] = async (
  { params, query },
  { database, links },
) => {
  const { orgId = "", billId = "", file = "" } = params;
  links.check(pathOf(orgId, billId, file), query);
  const lineId = query["lineId"];
  if (file === "usage.json" && typeof lineId === "string") {
    const body = await readLineStatement(database, { orgId, billId, lineId });
    return new FileReply({ name: `usage-${lineId}.json`, contentType: "application/json", body });
  }
  const format = file === files.CSV ? "CSV" : "JSON";
  const body = await readStatement(database, { orgId, billId, format });
  const contentType = format === "CSV" ? "text/csv; charset=utf-8" : "application/json";
  return new FileReply({ name: `${billId}-${file}`, contentType, body });
};
