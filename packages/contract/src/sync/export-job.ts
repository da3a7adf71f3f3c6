import { z } from "zod";
import { dateTime } from "../schema.ts";
import { groupsNeedAggregations, usageSelection } from "../usage/usage-selection.ts";
import { exportFileFormats, operationalDataTypes } from "./export-schedule.ts";

export const exportStatuses = ["PENDING", "RUNNING", "SUCCEEDED", "FAILED"] as const;
export type ExportStatus = (typeof exportStatuses)[number];

/** What an export cannot be sent to (decision 0011). */
export const noDestination =
  "cannot be written to: no connection to buckets is installed; download the file";

const common = {
  destinationIds: z.array(z.string()).max(0, noDestination).optional(),
  exportFileFormat: z.enum(exportFileFormats).default("CSV"),
};

const operational = z.object({
  ...common,
  sourceType: z.literal("OPERATIONAL"),
  operationalDataTypes: z.array(z.enum(operationalDataTypes)).min(1),
  /** Only what was created or changed since. */
  startDate: dateTime.optional(),
});

const usage = z
  .object({
    ...common,
    ...usageSelection,
    sourceType: z.literal("USAGE"),
    startDate: dateTime,
    endDate: dateTime,
  })
  .superRefine(groupsNeedAggregations)
  .superRefine(({ startDate, endDate }, context) => {
    if (endDate > startDate) return;
    context.addIssue({ code: "custom", path: ["endDate"], message: "must be after startDate" });
  });

/** What is exported once and now (m3ter semantics 21). */
export const exportOrder = z.discriminatedUnion("sourceType", [operational, usage]);
export type ExportOrder = z.output<typeof exportOrder>;
export type OperationalExport = Extract<ExportOrder, { sourceType: "OPERATIONAL" }>;
export type UsageExport = Extract<ExportOrder, { sourceType: "USAGE" }>;
