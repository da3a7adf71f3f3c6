import { z } from "zod";
import type { Operation } from "../operation.ts";
import { flag, paging, textList } from "../query.ts";
import { date } from "../schema.ts";
import { billJobRequest, billJobStatuses, jobFrequencies } from "./bill-job.ts";

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

export const billingOperations = {
  createBillJob: {
    method: "POST",
    path: "/organizations/{orgId}/billjobs",
    noun: "BillJob",
    summary: "Calculate the bills of a period",
    body: billJobRequest,
    access: "organization",
    permission: { action: "config:create", on: "config:billJob" },
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
    permission: { action: "config:retrieve", on: "config:billJob" },
  },
  getBillJob: {
    method: "GET",
    path: "/organizations/{orgId}/billjobs/{id}",
    noun: "BillJob",
    summary: "Retrieve a bill job",
    access: "organization",
    permission: { action: "config:retrieve", on: "config:billJob", item: "id" },
  },
  cancelBillJob: {
    method: "POST",
    path: "/organizations/{orgId}/billjobs/{id}/cancel",
    noun: "BillJob",
    summary: "Cancel a bill job; the bills it has made stay",
    access: "organization",
    permission: { action: "config:update", on: "config:billJob", item: "id" },
  },
  listBills: {
    method: "GET",
    path: "/organizations/{orgId}/bills",
    noun: "Bill",
    summary: "List bills",
    query: billList,
    access: "organization",
    permission: { action: "config:retrieve", on: "config:bill" },
  },
  getBill: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{id}",
    noun: "Bill",
    summary: "Retrieve a bill",
    query: z.object(additional),
    access: "organization",
    permission: { action: "config:retrieve", on: "config:bill", item: "id" },
  },
  getLatestBill: {
    method: "GET",
    path: "/organizations/{orgId}/bills/latest/{accountId}",
    noun: "Bill",
    summary: "Retrieve the latest bill of an account",
    query: z.object(additional),
    access: "organization",
    permission: { action: "config:retrieve", on: "config:bill" },
  },
  listBillsOfAccount: {
    method: "GET",
    path: "/organizations/{orgId}/bills/accountid/{accountId}",
    noun: "Bill",
    summary: "List the bills of an account",
    query: z.object({ ...paging(100), ...additional }),
    access: "organization",
    permission: { action: "config:retrieve", on: "config:bill" },
  },
  listBillLineItems: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{billId}/lineitems",
    noun: "BillLineItem",
    summary: "List the line items of a bill",
    query: z.object({ ...paging(100), ...additional }),
    access: "organization",
    permission: { action: "config:retrieve", on: "config:bill", item: "billId" },
  },
  getBillLineItem: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{billId}/lineitems/{id}",
    noun: "BillLineItem",
    summary: "Retrieve a line item of a bill",
    query: z.object(additional),
    access: "organization",
    permission: { action: "config:retrieve", on: "config:bill", item: "billId" },
  },
} as const satisfies Record<string, Operation>;
