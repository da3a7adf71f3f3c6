import { z } from "zod";
import { defineResource } from "../resource.ts";
import { pickListFields, pickListFilters } from "./pick-list.ts";

/** Why a credit line was put on a bill by hand. */
export const creditReason = defineResource({
  kind: "creditReason",
  noun: "CreditReason",
  path: "picklists/creditreasons",
  fields: z.object(pickListFields),
  pageSizeMax: 100,
  filters: pickListFilters,
  references: {},
  events: "configuration",
});
