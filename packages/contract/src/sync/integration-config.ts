import { z } from "zod";
import { defineResource } from "../resource.ts";

const word = z
  .string()
  .min(1)
  .regex(/^[a-zA-Z0-9_-]*$/, "must hold only letters, digits, _ and -");

/** What is sent where: the link between an entity of ours and an external system (m3ter semantics 22). */
export const integrationConfig = defineResource({
  kind: "integrationConfig",
  noun: "IntegrationConfig",
  path: "integrationconfigs",
  fields: z.object({
    entityType: word,
    entityId: z.string().optional(),
    destination: word,
    destinationId: z.string().optional(),
    configData: z.record(z.string(), z.unknown()).default({}),
    credentials: z.looseObject({ type: z.string().min(1) }).optional(),
    integrationCredentialsId: z.string().optional(),
    name: z.string().optional(),
  }),
  pageSizeMax: 200,
  filters: { destinationId: { by: "field", field: "destinationId" } },
  references: {},
  owned: ["enabled", "authorized"],
  secrets: ["credentials"],
  events: "configuration",
});
