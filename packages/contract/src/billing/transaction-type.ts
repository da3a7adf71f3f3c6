import { z } from "zod";
import { defineResource } from "../resource.ts";
import { pickListFields, pickListFilters } from "./pick-list.ts";

/** What kind of entry a balance transaction is (m3ter semantics 16.2). */
export const transactionType = defineResource({
  kind: "transactionType",
  noun: "TransactionType",
  path: "picklists/transactiontypes",
  fields: z.object(pickListFields),
  pageSizeMax: 100,
  filters: pickListFilters,
  references: {},
  events: "configuration",
});
