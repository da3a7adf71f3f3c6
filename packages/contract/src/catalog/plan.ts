import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code, customFields, description, id, name, nonNegative } from "../schema.ts";

/** A plan template with its own code and, where given, its own fees (m3ter semantics 9.2). */
export const plan = defineResource({
  kind: "plan",
  noun: "Plan",
  path: "plans",
  fields: z.object({
    planTemplateId: id,
    name,
    code,
    standingCharge: nonNegative.optional(),
    standingChargeDescription: description.optional(),
    standingChargeBillInAdvance: z.boolean().optional(),
    standingChargeAccountingProductId: id.optional(),
    minimumSpend: nonNegative.optional(),
    minimumSpendDescription: description.optional(),
    minimumSpendBillInAdvance: z.boolean().optional(),
    minimumSpendAccountingProductId: id.optional(),
    ordinal: z.int().min(0).optional(),
    bespoke: z.boolean().optional(),
    accountId: id.optional(),
    customFields: customFields.optional(),
  }),
  pageSizeMax: 100,
  filters: {
    productId: { by: "through", path: ["planTemplateId"], field: "productId" },
    accountId: { by: "field", field: "accountId" },
    ids: { by: "id" },
  },
  references: {
    planTemplateId: "planTemplate",
    accountId: "account",
    minimumSpendAccountingProductId: "product",
    standingChargeAccountingProductId: "product",
  },
  derived: { productId: { path: ["planTemplateId"], field: "productId" } },
  events: "configuration",
});
