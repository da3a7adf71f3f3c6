import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code, customFields, name } from "../schema.ts";

/** What is sold: the container of meters, aggregations and plans (m3ter semantics 9.1). */
export const product = defineResource({
  kind: "product",
  noun: "Product",
  path: "products",
  fields: z.object({ name, code, customFields: customFields.optional() }),
  pageSizeMax: 200,
  filters: { ids: { by: "id" } },
  references: {},
  events: "configuration",
});
