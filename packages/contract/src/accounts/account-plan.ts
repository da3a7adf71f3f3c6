import { z } from "zod";
import { exactlyOne } from "../catalog/pricing.ts";
import { defineResource } from "../resource.ts";
import {
  childBillingMode,
  code,
  customFields,
  periodDay,
  dateTime,
  endsAfterStart,
  id,
} from "../schema.ts";

/** A plan (or plan group) attached to an account from an instant on: what makes it billable (9.4). */
export const accountPlan = defineResource({
  kind: "accountPlan",
  noun: "AccountPlan",
  path: "accountplans",
  fields: z
    .object({
      accountId: id,
      planId: id.optional(),
      planGroupId: id.optional(),
      startDate: dateTime,
      endDate: dateTime.optional(),
      code: code.optional(),
      billEpoch: periodDay.optional(),
      contractId: id.optional(),
      childBillingMode: childBillingMode.default("PARENT_BREAKDOWN"),
      customFields: customFields.optional(),
    })
    .superRefine(exactlyOne("planId", "planGroupId"))
    .superRefine(endsAfterStart),
  pageSizeMax: 100,
  filters: {
    date: { by: "activeOn" },
    account: { by: "field", field: "accountId" },
    plan: { by: "field", field: "planId" },
    contract: { by: "field", field: "contractId" },
    product: {
      by: "through",
      path: ["planId", "planTemplateId"],
      field: "productId",
      requires: "account",
    },
    includeall: { by: "includeInactive", when: ["account", "plan", "contract"] },
    ids: { by: "id" },
  },
  references: {
    accountId: "account",
    planId: "plan",
    planGroupId: "planGroup",
    contractId: "contract",
  },
  derived: { productId: { path: ["planId", "planTemplateId"], field: "productId" } },
  events: "configuration",
});
