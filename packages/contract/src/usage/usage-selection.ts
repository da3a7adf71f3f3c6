import { z } from "zod";

/** Periods that are counted back from when they are asked for (m3ter semantics 20). */
export const timePeriods = [
  "TODAY",
  "YESTERDAY",
  "WEEK_TO_DATE",
  "MONTH_TO_DATE",
  "YEAR_TO_DATE",
  "PREVIOUS_WEEK",
  "PREVIOUS_MONTH",
  "PREVIOUS_QUARTER",
  "PREVIOUS_YEAR",
  "LAST_12_HOURS",
  "LAST_7_DAYS",
  "LAST_30_DAYS",
  "LAST_35_DAYS",
  "LAST_90_DAYS",
  "LAST_120_DAYS",
  "LAST_YEAR",
] as const;

const meterField = { meterId: z.string().min(1), fieldCode: z.string().min(1) };

const functions = {
  MEASURE: ["SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN"],
  DIMENSION: ["COUNT", "UNIQUE"],
} as const;

const aggregation = z
  .object({
    ...meterField,
    fieldType: z.enum(["DIMENSION", "MEASURE"]),
    function: z.enum(["SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "UNIQUE"]),
  })
  .superRefine(({ fieldType, function: name }, context) => {
    const allowed: readonly string[] = functions[fieldType];
    if (allowed.includes(name)) return;
    const message = `must be ${allowed.join(", ")} for a ${fieldType}`;
    context.addIssue({ code: "custom", path: ["function"], message });
  });

const group = z.discriminatedUnion("groupType", [
  z.object({ groupType: z.literal("ACCOUNT") }),
  z.object({ groupType: z.literal("DIMENSION"), ...meterField }),
  z.object({
    groupType: z.literal("TIME"),
    frequency: z.enum(["DAY", "HOUR", "WEEK", "MONTH", "QUARTER"]),
  }),
]);

/** Which usage, and what of it: shared by queries, saved queries and exports (m3ter semantics 20). */
export const usageSelection = {
  meterIds: z.array(z.string()).optional(),
  accountIds: z.array(z.string()).optional(),
  dimensionFilters: z
    .array(z.object({ ...meterField, values: z.array(z.string()).min(1) }))
    .optional(),
  aggregations: z.array(aggregation).optional(),
  groups: z.array(group).optional(),
};
