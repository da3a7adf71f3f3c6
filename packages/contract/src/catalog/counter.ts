import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code, id, name } from "../schema.ts";

/** A recurring quantity such as seats; without a productId it is global (m3ter semantics 13). */
export const counter = defineResource({
  kind: "counter",
  noun: "Counter",
  path: "counters",
  fields: z.object({
    code: code.optional(),
    productId: id.optional(),
    name,
    unit: z.string().min(1),
  }),
  pageSizeMax: 200,
  filters: {
    ids: { by: "id" },
    codes: { by: "code" },
    productId: { by: "field", field: "productId" },
  },
  references: { productId: "product" },
  events: "configuration",
});
