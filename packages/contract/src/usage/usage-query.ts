import { z } from "zod";
import { dateTime, endsAfterStart } from "../schema.ts";
import { groupsNeedAggregations, timePeriods, usageSelection } from "./usage-selection.ts";

export const usageRowsMax = 20_000;

/** A usage query as it is asked or saved; a relative period takes the place of both dates (m3ter semantics 20). */
export const usageQuery = z
  .object({
    ...usageSelection,
    startDate: dateTime.optional(),
    endDate: dateTime.optional(),
    limit: z.int().min(1).max(usageRowsMax).optional(),
    timePeriod: z.enum(timePeriods).optional(),
  })
  .superRefine(endsAfterStart)
  .superRefine(groupsNeedAggregations);
export type UsageQueryBody = z.output<typeof usageQuery>;
