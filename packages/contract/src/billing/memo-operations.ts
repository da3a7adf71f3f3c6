import { z } from "zod";
import type { Operation } from "../operation.ts";
import { paging } from "../query.ts";
import { creditLineItem, debitLineItem } from "./memo-line-item.ts";

const list = z.object(paging(100));

export const memoOperations = {
  createCreditLineItem: {
    method: "POST",
    path: "/organizations/{orgId}/bills/{billId}/creditlineitems",
    noun: "CreditLineItem",
    summary: "Put a credit line on a bill",
    body: creditLineItem,
    access: "organization",
    permission: { action: "config:create", on: "config:creditLineItem" },
  },
  listCreditLineItems: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{billId}/creditlineitems",
    noun: "CreditLineItem",
    summary: "List the credit lines of a bill",
    query: list,
    access: "organization",
    permission: { action: "config:retrieve", on: "config:creditLineItem" },
  },
  getCreditLineItem: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{billId}/creditlineitems/{id}",
    noun: "CreditLineItem",
    summary: "Retrieve a credit line",
    access: "organization",
    permission: { action: "config:retrieve", on: "config:creditLineItem", item: "id" },
  },
  updateCreditLineItem: {
    method: "PUT",
    path: "/organizations/{orgId}/bills/{billId}/creditlineitems/{id}",
    noun: "CreditLineItem",
    summary: "Change a credit line",
    body: creditLineItem,
    access: "organization",
    permission: { action: "config:update", on: "config:creditLineItem", item: "id" },
  },
  deleteCreditLineItem: {
    method: "DELETE",
    path: "/organizations/{orgId}/bills/{billId}/creditlineitems/{id}",
    noun: "CreditLineItem",
    summary: "Take a credit line off its bill",
    access: "organization",
    permission: { action: "config:delete", on: "config:creditLineItem", item: "id" },
  },
  createDebitLineItem: {
    method: "POST",
    path: "/organizations/{orgId}/bills/{billId}/debitlineitems",
    noun: "DebitLineItem",
    summary: "Put a debit line on a bill",
    body: debitLineItem,
    access: "organization",
    permission: { action: "config:create", on: "config:debitLineItem" },
  },
  listDebitLineItems: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{billId}/debitlineitems",
    noun: "DebitLineItem",
    summary: "List the debit lines of a bill",
    query: list,
    access: "organization",
    permission: { action: "config:retrieve", on: "config:debitLineItem" },
  },
  getDebitLineItem: {
    method: "GET",
    path: "/organizations/{orgId}/bills/{billId}/debitlineitems/{id}",
    noun: "DebitLineItem",
    summary: "Retrieve a debit line",
    access: "organization",
    permission: { action: "config:retrieve", on: "config:debitLineItem", item: "id" },
  },
  updateDebitLineItem: {
    method: "PUT",
    path: "/organizations/{orgId}/bills/{billId}/debitlineitems/{id}",
    noun: "DebitLineItem",
    summary: "Change a debit line",
    body: debitLineItem,
    access: "organization",
    permission: { action: "config:update", on: "config:debitLineItem", item: "id" },
  },
  deleteDebitLineItem: {
    method: "DELETE",
    path: "/organizations/{orgId}/bills/{billId}/debitlineitems/{id}",
    noun: "DebitLineItem",
    summary: "Take a debit line off its bill",
    access: "organization",
    permission: { action: "config:delete", on: "config:debitLineItem", item: "id" },
  },
} as const satisfies Record<string, Operation>;
