import { z } from "zod";
import { billJobRequest, billJobStatuses, jobFrequencies } from "./billing/bill-job.ts";
import type { Operation } from "./operation.ts";
import { flag, paging, textList } from "./query.ts";
import { date } from "./schema.ts";

const additional = { additional: textList.optional() };

const billList = z.object({
  ...paging(100),
  ...additional,
  accountId: z.string().optional(),
  billDate: date.optional(),
  billDateStart: date.optional(),
  billDateEnd: date.optional(),
  billingFrequency: z.enum([...jobFrequencies, "MIXED"]).optional(),
  billJobId: z.string().optional(),
  excludeLineItems: flag.optional(),
  externalInvoiceDateStart: date.optional(),
  externalInvoiceDateEnd: date.optional(),
  ids: textList.optional(),
  includeBillTotal: flag.optional(),
  locked: flag.optional(),
  status: z.enum(["PENDING", "APPROVED"]).optional(),
});

/** Every route that is not create, retrieve, update, list or delete of a declared resource. */
export const operations = {
  generateToken: {
    method: "POST",
    path: "/oauth/token",
    noun: "Auth",
    summary: "Exchange an access key and secret (HTTP Basic) for a bearer token",
    access: "public",
  },
  submitMeasurements: {
    method: "POST",
    path: "/organizations/{orgId}/measurements",
    noun: "Measurements",
    summary: "Submit 1 to 1,000 measurements; acknowledged once they are durable",
    access: "organization",
  },
  createBillJob: {
    method: "POST",
    path: "/organizations/{orgId}/billjobs",
    noun: "BillJob",
    summary: "Calculate the bills of a period",
    body: billJobRequest,
    access: "organization",
  },
  listBillJobs: {
    method: "GET",
    path: "/organizations/{orgId}/billjobs",
    noun: "BillJob",
    summary: "List bill jobs",
    query: z.object({
      ...paging(100),
      active: flag.optional(),
      status: z.enum(billJobStatuses).optional(),
    }),
    access: "organization",
  },
  getBillJob: {
    method: "GET",
    path: "/organizations/{orgId}/billjobs/{id}",
    noun: "BillJob",
    summary: "Retrieve a bill job",
    access: "organization",
  },
  listBills: {
    method: "GET",
    path: "/organizations/{orgId}/bills",
    noun: "Bill",
    summary: "List bills",
    query: billList,
    access: "organization",
  },
  getBill: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{id}",
    noun: "Bill",
    summary: "Retrieve a bill",
    query: z.object(additional),
    access: "organization",
  },
  getLatestBill: {
    method: "GET",
    path: "/organizations/{orgId}/bills/latest/{accountId}",
    noun: "Bill",
    summary: "Retrieve the latest bill of an account",
    query: z.object(additional),
    access: "organization",
  },
  listBillsOfAccount: {
    method: "GET",
    path: "/organizations/{orgId}/bills/accountid/{accountId}",
    noun: "Bill",
    summary: "List the bills of an account",
    query: z.object({ ...paging(100), ...additional }),
    access: "organization",
  },
  listBillLineItems: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{billId}/lineitems",
    noun: "BillLineItem",
    summary: "List the line items of a bill",
    query: z.object({ ...paging(100), ...additional }),
    access: "organization",
  },
  getBillLineItem: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{billId}/lineitems/{id}",
    noun: "BillLineItem",
    summary: "Retrieve a line item of a bill",
    query: z.object(additional),
    access: "organization",
  },
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof operations;
