import { z } from "zod";
import { defineResource } from "../resource.ts";
import { date } from "../schema.ts";

/** The date up to which every bill of the organization is locked (m3ter semantics 18.6). */
export const billConfig = defineResource({
  kind: "billConfig",
  noun: "BillConfig",
  path: "billconfig",
  fields: z.object({ billLockDate: date.optional() }),
  singleton: { initial: {} },
  pageSizeMax: 100,
  filters: {},
  references: {},
  events: "billing",
});
