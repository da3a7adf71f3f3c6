import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code } from "../schema.ts";
import { groupsNeedAggregations, timePeriods, usageSelection } from "../usage/usage-selection.ts";

export const operationalDataTypes = [
  "BILLS",
  "COMMITMENTS",
  "ACCOUNTS",
  "BALANCES",
  "CONTRACTS",
  "ACCOUNT_PLANS",
  "AGGREGATIONS",
  "PLANS",
  "PRICING",
  "PRICING_BANDS",
  "BILL_LINE_ITEMS",
  "METERS",
  "PRODUCTS",
  "COMPOUND_AGGREGATIONS",
  "PLAN_GROUPS",
  "PLAN_GROUP_LINKS",
  "PLAN_TEMPLATES",
  "BALANCE_TRANSACTIONS",
  "TRANSACTION_TYPES",
  "CHARGES",
] as const;
export type OperationalDataType = (typeof operationalDataTypes)[number];

export const exportFileFormats = ["CSV", "JSONL"] as const;

/** What an export cannot be sent to is refused, not forgotten (decision 0011). */
export const noDestinations = z
  .array(z.string())
  .max(0, "cannot be written to: no connection to buckets is installed; download the file")
  .optional();

const minutes = { MINUTE: 1, HOUR: 60, DAY: 24 * 60 } as const;
const periodMinutesMin = 15;
const periodMinutesMax = 3 * 24 * 60;

const schedule = {
  name: z.string().min(1),
  code,
  destinationIds: noDestinations,
  scheduleType: z.enum(["HOUR", "DAY", "MINUTE"]).optional(),
  period: z.int().min(1).optional(),
  offset: z.int().min(1).optional(),
  cronExpression: z
    .string()
    .regex(/^\S+( \S+){4,5}$/, "must be a cron expression of five or six fields")
    .optional(),
  exportFileFormat: z.enum(exportFileFormats).default("CSV"),
};

interface Timing {
  readonly scheduleType?: keyof typeof minutes | undefined;
  readonly period?: number | undefined;
  readonly offset?: number | undefined;
  readonly cronExpression?: string | undefined;
}

/** Every 15 minutes at the most, every 3 days at the least, or as cron says (m3ter semantics 21). */
const runsOften = (timing: Timing, context: z.RefinementCtx): void => {
  const refuse = (field: keyof Timing, message: string): void =>
    context.addIssue({ code: "custom", path: [field], message });
  const { scheduleType, period, cronExpression } = timing;
  if (cronExpression !== undefined) {
    if (scheduleType !== undefined)
      refuse("cronExpression", "cannot be combined with scheduleType");
    return;
  }
  if (scheduleType === undefined) return refuse("scheduleType", "is required, or cronExpression");
  if (period === undefined) return refuse("period", "is required together with scheduleType");
  const every = period * minutes[scheduleType];
  if (every < periodMinutesMin) refuse("period", "must be 15 minutes or more");
  if (every > periodMinutesMax) refuse("period", "must be 3 days or less");
  if (scheduleType === "MINUTE" && timing.offset !== undefined) {
    refuse("offset", "cannot be combined with scheduleType MINUTE");
  }
};

const operational = z.object({
  ...schedule,
  sourceType: z.literal("OPERATIONAL"),
  operationalDataTypes: z.array(z.enum(operationalDataTypes)).min(1),
});

const usage = z
  .object({
    ...schedule,
    ...usageSelection,
    sourceType: z.literal("USAGE"),
    timePeriod: z.enum(timePeriods),
  })
  .superRefine(groupsNeedAggregations);

/** What is exported, and how often (m3ter semantics 21). */
export const exportSchedule = defineResource({
  kind: "exportSchedule",
  noun: "ExportSchedule",
  path: "dataexports/schedules",
  fields: z.discriminatedUnion("sourceType", [operational, usage]).superRefine(runsOften),
  pageSizeMax: 100,
  filters: { ids: { by: "id" } },
  references: { meterIds: "meter", accountIds: "account" },
  events: "configuration",
});
