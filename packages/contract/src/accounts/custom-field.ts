import { z } from "zod";
import { defineResource } from "../resource.ts";

/** At most 25 defaults for one kind of entity (m3ter semantics 2.9). */
const section = z
  .record(z.string(), z.union([z.string(), z.number()]))
  .refine((fields) => Object.keys(fields).length <= 25, "must not have more than 25 entries")
  .default({});

/** The custom fields that entities may have, with their defaults (m3ter semantics 2.10). */
export const customField = defineResource({
  kind: "customField",
  noun: "CustomField",
  path: "customfields",
  fields: z.object({
    organization: section,
    account: section,
    accountPlan: section,
    meter: section,
    product: section,
    planTemplate: section,
    plan: section,
    aggregation: section,
    compoundAggregation: section,
    contract: section,
  }),
  singleton: { initial: {} },
  pageSizeMax: 100,
  filters: {},
  references: {},
  events: "configuration",
});
