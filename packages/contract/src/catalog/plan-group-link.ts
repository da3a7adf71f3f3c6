import { z } from "zod";
import { defineResource } from "../resource.ts";

/** A plan's membership of a plan group (m3ter semantics 9.3). */
export const planGroupLink = defineResource({
  kind: "planGroupLink",
  noun: "PlanGroupLink",
  path: "plangrouplinks",
  fields: z.object({ planGroupId: z.string().min(1), planId: z.string().min(1) }),
  pageSizeMax: 100,
  filters: {
    planGroup: { by: "field", field: "planGroupId" },
    plan: { by: "field", field: "planId" },
    ids: { by: "id" },
  },
  references: { planGroupId: "planGroup", planId: "plan" },
  unique: [["planGroupId", "planId"]],
  events: "configuration",
});
