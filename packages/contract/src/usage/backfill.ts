import { z } from "zod";
import { defineResource } from "../resource.ts";
import { dateTime, endsAfterStart, id, name } from "../schema.ts";

/**
 * `HIDDEN` takes measurements, which count nowhere; `REVEALED` counts as a whole; `REVERTED` counted, and does no longer;
 * `DISCARDED` never did. The last two are final.
 */
export const backfillStatuses = ["HIDDEN", "REVEALED", "REVERTED", "DISCARDED"] as const;
export type BackfillStatus = (typeof backfillStatuses)[number];

/** Measurements that cease to count when the backfill begins to: half-open, by `ts`; without accounts those of all. */
const replaces = z
  .object({
    meterIds: z.array(id).min(1).max(100),
    accountIds: z.array(id).min(1).max(1000).optional(),
    startDate: dateTime,
    endDate: dateTime,
  })
  .superRefine(endsAfterStart);

/** A batch of measurements that is uploaded hidden, checked, revealed at once, and can be reverted as one. */
export const backfill = defineResource({
  kind: "backfill",
  noun: "Backfill",
  path: "backfills",
  verbs: ["create", "list"],
  fields: z.object({ name, replaces: replaces.optional() }),
  pageSizeMax: 100,
  filters: { ids: { by: "id" }, status: { by: "field", field: "status" } },
  references: {},
  owned: ["status"],
  events: "configuration",
});
