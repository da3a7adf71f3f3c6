import { z } from "zod";
import { methodFault, statistic } from "../catalog/statistic.ts";

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
  MEASURE: ["SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "CUSTOM_SQL"],
  DIMENSION: ["COUNT", "UNIQUE", "CUSTOM_SQL"],
} as const;

/** CUSTOM_SQL with its `customSql`, and statistics, are beyond m3ter. */
const aggregation = z
  .object({
    ...meterField,
    fieldType: z.enum(["DIMENSION", "MEASURE"]),
    function: z.enum(["SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "UNIQUE", "CUSTOM_SQL"]),
    customSql: z.string().min(1).max(2048).optional(),
    statistic: statistic.optional(),
  })
  .superRefine(({ fieldType, function: name, customSql, statistic: chosen }, context) => {
    const refuse = (field: string, message: string): void =>
      context.addIssue({ code: "custom", path: [field], message });
    const allowed: readonly string[] = functions[fieldType];
    if (!allowed.includes(name)) {
      refuse("function", `must be ${allowed.join(", ")} for a ${fieldType}`);
    }
    const fault = methodFault(name, chosen);
    if (fault !== undefined) refuse("function", fault);
    if (name === "CUSTOM_SQL" && customSql === undefined) {
      refuse("customSql", "is required when function is CUSTOM_SQL");
    }
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

/** Rows are grouped only once they are aggregated (m3ter semantics 20). */
export const groupsNeedAggregations = (
  {
    groups = [],
    aggregations = [],
  }: { groups?: unknown[] | undefined; aggregations?: unknown[] | undefined },
  context: z.RefinementCtx,
): void => {
  if (groups.length === 0 || aggregations.length > 0) return;
  context.addIssue({ code: "custom", path: ["groups"], message: "needs aggregations" });
};
