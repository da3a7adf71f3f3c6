import { z } from "zod";
import { defineResource } from "../resource.ts";

/** An event of our own making: so many days after a date of an entity (m3ter semantics 22). */
export const scheduledEventConfiguration = defineResource({
  kind: "scheduledEventConfiguration",
  noun: "ScheduledEventConfiguration",
  path: "scheduledevents/configurations",
  fields: z.object({
    name: z
      .string()
      .regex(/^scheduled\.[A-Za-z]+\..+$/, "must be scheduled.<entity>.<name of the event>"),
    entity: z.string().min(1),
    field: z.string().min(1),
    offset: z.int(),
  }),
  pageSizeMax: 100,
  filters: { ids: { by: "id" } },
  references: {},
  unique: [["name"]],
  events: "configuration",
});
