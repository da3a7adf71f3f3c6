import { z } from "zod";
import { defineResource } from "../resource.ts";
import { id } from "../schema.ts";
import { unitFields } from "./aggregation.ts";

/** A formula over aggregations and custom fields; without a productId it is global (m3ter semantics 7). */
export const compoundAggregation = defineResource({
  kind: "compoundAggregation",
  noun: "CompoundAggregation",
  path: "compoundaggregations",
  fields: z.object({
    ...unitFields,
    productId: id.optional(),
    calculation: z.string().min(1).max(5000),
    evaluateNullAggregations: z.boolean().default(false),
  }),
  pageSizeMax: 100,
  filters: {
    productId: { by: "field", field: "productId" },
    ids: { by: "id" },
    codes: { by: "code" },
  },
  references: { productId: "product", accountingProductId: "product" },
  events: "configuration",
});
