import { z } from "zod";
import { defineResource } from "../resource.ts";
import {
  code,
  currencyCode3,
  customFields,
  description,
  id,
  name,
  nonNegative,
} from "../schema.ts";

/** Plans of different products under one minimum spend and standing charge (m3ter semantics 9.3). */
export const planGroup = defineResource({
  kind: "planGroup",
  noun: "PlanGroup",
  path: "plangroups",
  fields: z.object({
    name,
    code: code.optional(),
    currency: currencyCode3,
    minimumSpend: nonNegative.optional(),
    minimumSpendDescription: description.optional(),
    minimumSpendBillInAdvance: z.boolean().optional(),
    minimumSpendAccountingProductId: z.string().optional(),
    standingCharge: nonNegative.optional(),
    standingChargeDescription: description.optional(),
    standingChargeBillInAdvance: z.boolean().optional(),
    standingChargeAccountingProductId: z.string().optional(),
    accountId: id.optional(),
    customFields: customFields.optional(),
  }),
  pageSizeMax: 200,
  filters: { accountId: { by: "field", field: "accountId" }, ids: { by: "id" } },
  references: {
    accountId: "account",
    minimumSpendAccountingProductId: "product",
    standingChargeAccountingProductId: "product",
  },
  events: "configuration",
});
