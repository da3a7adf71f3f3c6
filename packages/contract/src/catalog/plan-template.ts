import { z } from "zod";
import { defineResource } from "../resource.ts";
import {
  billingFrequency,
  code,
  currencyCode3,
  customFields,
  description,
  id,
  interval,
  name,
  nonNegative,
  offset,
} from "../schema.ts";

/** Cadence, currency and default fees that plans inherit (m3ter semantics 9.2). */
export const planTemplate = defineResource({
  kind: "planTemplate",
  noun: "PlanTemplate",
  path: "plantemplates",
  fields: z.object({
    productId: id,
    name,
    code: code.optional(),
    currency: currencyCode3,
    standingCharge: nonNegative,
    standingChargeDescription: description.optional(),
    standingChargeInterval: interval.optional(),
    standingChargeOffset: offset.optional(),
    standingChargeBillInAdvance: z.boolean().optional(),
    billFrequency: billingFrequency,
    billFrequencyInterval: interval.optional(),
    minimumSpend: nonNegative.optional(),
    minimumSpendDescription: description.optional(),
    minimumSpendBillInAdvance: z.boolean().optional(),
    ordinal: z.int().min(0).optional(),
    customFields: customFields.optional(),
  }),
  pageSizeMax: 100,
  filters: { productId: { by: "field", field: "productId" }, ids: { by: "id" } },
  references: { productId: "product" },
  events: "configuration",
});
