import { z } from "zod";
import { methods } from "../catalog/aggregation.ts";
import { defineResource } from "../resource.ts";

export const statementFrequencies = [
  "DAY",
  "WEEK",
  "MONTH",
  "QUARTER",
  "YEAR",
  "WHOLE_PERIOD",
] as const;

const dimension = z.object({
  meterId: z.string().optional(),
  name: z.string().min(1),
  attributes: z.array(z.string()).optional(),
  /** Values to show; `*` shows all. */
  filter: z.array(z.string()).min(1),
});

const measure = z.object({
  meterId: z.string().optional(),
  /** Blank for every field. */
  name: z.string().optional(),
  aggregations: z.array(z.enum(methods)).max(7).optional(),
});

/** What a bill's usage statement shows (m3ter semantics 19). */
export const statementDefinition = defineResource({
  kind: "statementDefinition",
  noun: "StatementDefinition",
  path: "statementdefinitions",
  fields: z.object({
    name: z.string().optional(),
    aggregationFrequency: z.enum(statementFrequencies),
    includePricePerUnit: z.boolean().optional(),
    dimensions: z.array(dimension).optional(),
    measures: z.array(measure).optional(),
    generateSlimStatements: z.boolean().optional(),
  }),
  pageSizeMax: 100,
  filters: {},
  references: {},
  events: "configuration",
});
