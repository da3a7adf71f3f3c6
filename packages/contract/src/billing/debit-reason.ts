import { z } from "zod";
import { defineResource } from "../resource.ts";
import { pickListFields, pickListFilters } from "./pick-list.ts";

/** Why a debit line was put on a bill by hand. */
export const debitReason = defineResource({
  kind: "debitReason",
  noun: "DebitReason",
  path: "picklists/debitreasons",
  fields: z.object(pickListFields),
  pageSizeMax: 100,
  filters: pickListFilters,
  references: {},
  events: "configuration",
});
