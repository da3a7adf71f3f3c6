import { z } from "zod";
import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";
import { dateTime } from "../schema.ts";

export const billingEntities = [
  "CONTRACT",
  "ACCOUNTPLAN",
  "PREPAYMENT",
  "PRICINGS",
  "COUNTER_PRICINGS",
] as const;
export type BillingEntity = (typeof billingEntities)[number];

const endDating = z.object({
  endDate: dateTime,
  billingEntities: z.array(z.enum(billingEntities)).min(1),
  applyToChildren: z.boolean().default(false),
});
export type EndDating = z.output<typeof endDating>;

export const accountOperations = {
  endDateBillingEntitiesOfAccount: {
    method: "PUT",
    path: "/organizations/{orgId}/accounts/{id}/enddatebillingentities",
    noun: "Account",
    summary: "End what an account is billed by, from an instant on",
    body: endDating,
    ...permitted("config:update", "config:account", "id"),
  },
  endDateBillingEntitiesOfContract: {
    method: "PUT",
    path: "/organizations/{orgId}/contracts/{id}/enddatebillingentities",
    noun: "Contract",
    summary: "End what belongs to a contract, and the contract where it is named",
    body: endDating,
    ...permitted("config:update", "config:contract", "id"),
  },
  replaceAccountPlan: {
    method: "POST",
    path: "/organizations/{orgId}/accountplans/{id}/replace",
    noun: "AccountPlan",
    summary: "End an account plan where a new one begins",
    body: z.looseObject({ startDate: dateTime, accountId: z.string() }),
    ...permitted("config:update", "config:accountPlan", "id"),
  },
} as const satisfies Record<string, Operation>;
