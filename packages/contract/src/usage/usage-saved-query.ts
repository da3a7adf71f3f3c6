import { z } from "zod";
import { defineResource } from "../resource.ts";
import { usageQuery } from "./usage-query.ts";

/** A usage query that is kept under a name (m3ter semantics 20). */
export const usageSavedQuery = defineResource({
  kind: "usageSavedQuery",
  noun: "UsageSavedQuery",
  path: "usage/savedqueries",
  fields: z.object({ name: z.string().min(1), usageQuery }),
  pageSizeMax: 100,
  filters: { ids: { by: "id" } },
  references: {},
  events: "configuration",
});
