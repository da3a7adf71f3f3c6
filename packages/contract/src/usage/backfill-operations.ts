import { z } from "zod";
import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";
import { backfillStatuses } from "./backfill.ts";

const one = "/organizations/{orgId}/backfills/{id}";
const noun = "Backfill";

const changes = permitted("measurements:upload", "measurements:measurement");

const step = z.object({ id: z.string(), status: z.enum(backfillStatuses) });

export const backfillOperations = {
  getBackfill: {
    method: "GET",
    path: one,
    noun,
    summary: "Retrieve a backfill with what it has of each meter, whether it counts or not",
    ...permitted("config:retrieve", "config:backfill", "id"),
  },
  submitBackfillMeasurements: {
    method: "POST",
    path: `${one}/measurements`,
    noun,
    summary:
      "Put 1 to 1,000 measurements into a hidden backfill; acknowledged once they are durable",
    accepts: "raw",
    ...changes,
  },
  revealBackfill: {
    method: "POST",
    path: `${one}/reveal`,
    noun,
    summary: "Let a backfill count, all at once, in place of what it replaces",
    accepts: "json or nothing",
    reply: step,
    ...changes,
  },
  revertBackfill: {
    method: "POST",
    path: `${one}/revert`,
    noun,
    summary: "Let a revealed backfill count no longer: usage is as if it had never been",
    accepts: "json or nothing",
    reply: step,
    ...changes,
  },
  discardBackfill: {
    method: "DELETE",
    path: one,
    noun,
    summary: "Close a hidden backfill for good; it stays listed as DISCARDED",
    reply: step,
    ...changes,
  },
} as const satisfies Record<string, Operation>;
