import { z } from "zod";
import type { Operation } from "../operation.ts";
import { flag, paging } from "../query.ts";
import {
  statementBatchRequest,
  statementJobRequest,
  statementJobStatuses,
} from "./statement-job.ts";

/** What a signed link adds to its path (see the server's access/links.ts). */
const signed = z.looseObject({ expires: z.string(), signature: z.string() });

export const statementOperations = {
  createStatementJob: {
    method: "POST",
    path: "/organizations/{orgId}/statementjobs",
    noun: "StatementJob",
    summary: "Make the statement of a bill",
    body: statementJobRequest,
    access: "organization",
    permission: { action: "config:create", on: "config:statementJob" },
  },
  createStatementJobs: {
    method: "POST",
    path: "/organizations/{orgId}/statementjobs/batch",
    noun: "StatementJob",
    summary: "Make the statements of several bills",
    body: statementBatchRequest,
    access: "organization",
    permission: { action: "config:create", on: "config:statementJob" },
  },
  listStatementJobs: {
    method: "GET",
    path: "/organizations/{orgId}/statementjobs",
    noun: "StatementJob",
    summary: "List statement jobs",
    query: z.object({
      ...paging(100),
      active: flag.optional(),
      status: z.enum(statementJobStatuses).optional(),
      billId: z.string().optional(),
    }),
    access: "organization",
    permission: { action: "config:retrieve", on: "config:statementJob" },
  },
  getStatementJob: {
    method: "GET",
    path: "/organizations/{orgId}/statementjobs/{id}",
    noun: "StatementJob",
    summary: "Retrieve a statement job",
    access: "organization",
    permission: { action: "config:retrieve", on: "config:statementJob", item: "id" },
  },
  cancelStatementJob: {
    method: "POST",
    path: "/organizations/{orgId}/statementjobs/{id}/cancel",
    noun: "StatementJob",
    summary: "Cancel a statement job",
    access: "organization",
    permission: { action: "config:update", on: "config:statementJob", item: "id" },
  },
  getBillJsonStatement: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{id}/statement/json",
    noun: "Bill",
    summary: "A link to the statement of a bill as JSON",
    access: "organization",
    permission: { action: "config:retrieve", on: "config:bill", item: "id" },
  },
  getBillCsvStatement: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{id}/statement/csv",
    noun: "Bill",
    summary: "A link to the statement of a bill as CSV",
    access: "organization",
    permission: { action: "config:retrieve", on: "config:bill", item: "id" },
  },
  createBillCsvStatement: {
    method: "POST",
    path: "/organizations/{orgId}/bills/{id}/statement/csv",
    noun: "Bill",
    summary: "Make the statement of a bill as CSV now",
    access: "organization",
    permission: { action: "config:update", on: "config:bill", item: "id" },
  },
  getBillLineItemJsonUsage: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{billId}/lineitems/{id}/usage/json",
    noun: "BillLineItem",
    summary: "A link to the usage of a line as JSON",
    access: "organization",
    permission: { action: "config:retrieve", on: "config:bill", item: "billId" },
  },
  openBillsCsv: {
    method: "GET",
    path: "/downloads/{orgId}/bills.csv",
    noun: "Download",
    summary: "The bills behind a signed link",
    query: signed,
    access: "public",
  },
  openStatement: {
    method: "GET",
    path: "/downloads/{orgId}/bills/{billId}/{file}",
    noun: "Download",
    summary: "The statement behind a signed link",
    query: signed,
    access: "public",
  },
} as const satisfies Record<string, Operation>;
