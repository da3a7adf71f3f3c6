import { z } from "zod";
import { pickListFields, pickListFilters } from "../billing/pick-list.ts";
import { defineResource } from "../resource.ts";

export const roundingModes = [
  "UP",
  "DOWN",
  "CEILING",
  "FLOOR",
  "HALF_UP",
  "HALF_DOWN",
  "HALF_EVEN",
  "UNNECESSARY",
] as const;

/** Scale and rounding mode of a currency, real or invented (m3ter semantics 18.9). */
export const currency = defineResource({
  kind: "currency",
  noun: "Currency",
  path: "picklists/currency",
  fields: z.object({
    ...pickListFields,
    maxDecimalPlaces: z.int().min(0).max(5).default(2),
    roundingMode: z.enum(roundingModes).default("HALF_UP"),
  }),
  pageSizeMax: 100,
  filters: pickListFilters,
  references: {},
  events: "configuration",
});
