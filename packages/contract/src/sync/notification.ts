import { z } from "zod";
import { defineResource } from "../resource.ts";

/** A rule on events: when it holds, the event is sent on (m3ter semantics 22). */
export const notification = defineResource({
  kind: "notification",
  noun: "Notification",
  path: "notifications/configurations",
  fields: z.object({
    name: z.string().min(1),
    description: z.string().min(1),
    code: z.string().min(1),
    eventName: z.string().min(1),
    active: z.boolean().default(false),
    alwaysFireEvent: z.boolean().default(false),
    calculation: z.string().optional(),
  }),
  pageSizeMax: 100,
  filters: {
    active: { by: "field", field: "active" },
    eventName: { by: "field", field: "eventName" },
    ids: { by: "id" },
  },
  references: {},
  events: "configuration",
});
