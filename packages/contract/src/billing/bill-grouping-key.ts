import { z } from "zod";
import { defineResource } from "../resource.ts";
import { pickListFields, pickListFilters } from "./pick-list.ts";

/** Contracts with one key share a bill; an exclusive key gives its contract a bill of its own (m3ter semantics 14.3). */
export const billGroupingKey = defineResource({
  kind: "billGroupingKey",
  noun: "BillGroupingKey",
  path: "picklists/billgroupingkeys",
  fields: z.object({ ...pickListFields, exclusive: z.boolean() }),
  pageSizeMax: 100,
  filters: pickListFilters,
  references: {},
  events: "configuration",
});
