import { z } from "zod";
import { defineResource } from "../resource.ts";
import { dateTime, endsAfterStart } from "../schema.ts";
import { timePeriods, usageSelection } from "./usage-selection.ts";

/** A usage query that is kept under a name (m3ter semantics 20). */
export const usageSavedQuery = defineResource({
  kind: "usageSavedQuery",
  noun: "UsageSavedQuery",
  path: "usage/savedqueries",
  fields: z.object({
    name: z.string().min(1),
    usageQuery: z
      .object({
        ...usageSelection,
        startDate: dateTime.optional(),
        endDate: dateTime.optional(),
        limit: z.int().min(1).max(20_000).optional(),
        timePeriod: z.enum(timePeriods).optional(),
      })
      .superRefine(endsAfterStart),
  }),
  pageSizeMax: 100,
  filters: { ids: { by: "id" } },
  references: {},
  events: "configuration",
});
