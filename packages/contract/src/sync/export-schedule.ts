import { z } from "zod";
import { unitMinutes } from "@turnpike/engine/time/repetition.ts";
import { defineResource } from "../resource.ts";
import { code } from "../schema.ts";
import { parseCron } from "./cron.ts";
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

const periodMinutesMin = 15;
const periodMinutesMax = 3 * 24 * 60;
/** Hours of a day, minutes of an hour. */
const offsetMax = { DAY: 23, HOUR: 59 } as const;

const schedule = {
  name: z.string().min(1),
  code,
  destinationIds: z.array(z.string()).optional(),
  scheduleType: z.enum(["HOUR", "DAY", "MINUTE"]).optional(),
  period: z.int().min(1).optional(),
  offset: z.int().min(1).optional(),
  cronExpression: z.string().optional(),
  exportFileFormat: z.enum(exportFileFormats).default("CSV"),
};

interface Timing {
  readonly scheduleType?: keyof typeof unitMinutes | undefined;
  readonly period?: number | undefined;
  readonly offset?: number | undefined;
  readonly cronExpression?: string | undefined;
}

type Refuse = (field: keyof Timing, message: string) => void;

const checkCron = ({ cronExpression = "", ...others }: Timing, refuse: Refuse): void => {
  for (const field of ["scheduleType", "period", "offset"] as const) {
    if (others[field] !== undefined) refuse("cronExpression", `cannot be combined with ${field}`);
  }
  const read = parseCron(cronExpression);
  if ("fault" in read) return refuse("cronExpression", read.fault);
  if (read.cron.shortestGapMs < periodMinutesMin * 60_000)
    refuse("cronExpression", "must leave 15 minutes or more between two runs");
};

const checkPeriod = ({ scheduleType, period, offset }: Timing, refuse: Refuse): void => {
  if (scheduleType === undefined) return refuse("scheduleType", "is required, or cronExpression");
  if (period === undefined) return refuse("period", "is required together with scheduleType");
  const every = period * unitMinutes[scheduleType];
  if (every < periodMinutesMin) refuse("period", "must be 15 minutes or more");
  if (every > periodMinutesMax) refuse("period", "must be 3 days or less");
  if (offset === undefined) return;
  if (scheduleType === "MINUTE") {
    return refuse("offset", "cannot be combined with scheduleType MINUTE");
  }
  const max = offsetMax[scheduleType];
  if (offset > max)
    refuse("offset", `must be ${max} or less where scheduleType is ${scheduleType}`);
};

/** Every 15 minutes at the most, every 3 days at the least, or as cron says (m3ter semantics 21). */
const runsOften = (timing: Timing, context: z.RefinementCtx): void => {
  const refuse: Refuse = (field, message) =>
    context.addIssue({ code: "custom", path: [field], message });
  if (timing.cronExpression === undefined) checkPeriod(timing, refuse);
  else checkCron(timing, refuse);
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

/** What is exported, how often and to where (m3ter semantics 21). */
export const exportSchedule = defineResource({
  kind: "exportSchedule",
  noun: "ExportSchedule",
  path: "dataexports/schedules",
  fields: z.discriminatedUnion("sourceType", [operational, usage]).superRefine(runsOften),
  pageSizeMax: 100,
  filters: { ids: { by: "id" } },
  references: { destinationIds: "exportDestination", meterIds: "meter", accountIds: "account" },
  events: "configuration",
});
