import { z } from "zod";
import { defineResource } from "../resource.ts";

/** A named set of items of one type, or of other such sets, that permissions can speak of (m3ter semantics 1.3). */
export const resourceGroup = defineResource({
  kind: "resourceGroup",
  noun: "ResourceGroup",
  path: "resourcegroups/{type}",
  within: "type",
  fields: z.object({ type: z.string().min(1).max(80), name: z.string().min(1).max(100) }),
  pageSizeMax: 100,
  filters: {},
  references: {},
  events: "configuration",
});
