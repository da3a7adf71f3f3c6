import { z } from "zod";
import { defineResource } from "../resource.ts";
import { endsAfterStart } from "../schema.ts";
import { bandedPrice, exactlyOne } from "./pricing.ts";

/** The price of a counter on a plan or plan template (m3ter semantics 13.1). */
export const counterPricing = defineResource({
  kind: "counterPricing",
  noun: "CounterPricing",
  path: "counterpricings",
  fields: z
    .object({
      ...bandedPrice,
      counterId: z.string().min(1),
      runningTotalBillInAdvance: z.boolean().default(true),
      proRateRunningTotal: z.boolean().default(true),
      proRateAdjustmentDebit: z.boolean().default(true),
      proRateAdjustmentCredit: z.boolean().default(true),
    })
    .superRefine(exactlyOne("planId", "planTemplateId"))
    .superRefine(endsAfterStart),
  pageSizeMax: 200,
  filters: {
    date: { by: "activeOn" },
    planId: { by: "field", field: "planId" },
    planTemplateId: { by: "field", field: "planTemplateId" },
    ids: { by: "id" },
  },
  references: {
    counterId: "counter",
    planId: "plan",
    planTemplateId: "planTemplate",
    accountingProductId: "product",
  },
  events: "configuration",
});
