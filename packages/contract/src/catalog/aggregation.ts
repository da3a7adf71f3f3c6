import { z } from "zod";
import { defineResource } from "../resource.ts";
import { methodFault, statistic } from "./statistic.ts";
import { customFields, id, identifier, name, nonNegative, positive } from "../schema.ts";

export const roundings = ["UP", "DOWN", "NEAREST", "NONE"] as const;
export const methods = [
  "SUM",
  "MIN",
  "MAX",
  "COUNT",
  "LATEST",
  "MEAN",
  "UNIQUE",
  "CUSTOM_SQL",
] as const;

/** What simple and compound aggregations share: from a quantity to units (m3ter semantics 6.3). */
export const unitFields = {
  name,
  code: identifier.optional(),
  rounding: z.enum(roundings),
  quantityPerUnit: positive,
  unit: z.string().min(1).max(50),
  accountingProductId: id.optional(),
  customFields: customFields.optional(),
};

const segmentsNameTheirFields = (
  fields: {
    segmentedFields?: string[] | undefined;
    segments?: Record<string, string>[] | undefined;
  },
  context: z.RefinementCtx,
): void => {
  const known = new Set(fields.segmentedFields);
  for (const [index, segment] of (fields.segments ?? []).entries()) {
    const unknown = Object.keys(segment).find((field) => !known.has(field));
    if (unknown === undefined) continue;
    const message = `names ${unknown}, which is not one of segmentedFields`;
    context.addIssue({ code: "custom", path: ["segments", index], message });
  }
};

const customSqlHasItsQuery = (
  fields: { aggregation: (typeof methods)[number]; customSql?: string | undefined },
  context: z.RefinementCtx,
): void => {
  if (fields.aggregation !== "CUSTOM_SQL" || fields.customSql) return;
  const message = "is required when aggregation is CUSTOM_SQL";
  context.addIssue({ code: "custom", path: ["customSql"], message });
};

const statisticHasItsMethod = (
  fields: {
    aggregation: (typeof methods)[number];
    statistic?: z.output<typeof statistic> | undefined;
  },
  context: z.RefinementCtx,
): void => {
  const message = methodFault(fields.aggregation, fields.statistic);
  if (message === undefined) return;
  context.addIssue({ code: "custom", path: ["aggregation"], message });
};

/** Turns one field of a meter into one number per account and window (m3ter semantics 6). */
export const aggregation = defineResource({
  kind: "aggregation",
  noun: "Aggregation",
  path: "aggregations",
  fields: z
    .object({
      ...unitFields,
      meterId: id,
      targetField: z.string().min(1).max(80),
      aggregation: z.enum(methods),
      segmentedFields: z.array(z.string()).max(5).optional(),
      segments: z.array(z.record(z.string(), z.string())).max(1000).optional(),
      defaultValue: nonNegative.optional(),
      customSql: z.string().max(2048).optional(),
      statistic: statistic.optional(),
    })
    .superRefine(segmentsNameTheirFields)
    .superRefine(customSqlHasItsQuery)
    .superRefine(statisticHasItsMethod),
  pageSizeMax: 100,
  filters: {
    productId: { by: "through", path: ["meterId"], field: "productId" },
    ids: { by: "id" },
    codes: { by: "code" },
  },
  references: { meterId: "meter", accountingProductId: "product" },
  events: "configuration",
});
