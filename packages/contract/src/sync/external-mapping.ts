import { z } from "zod";
import { defineResource } from "../resource.ts";
import { anyCode } from "../schema.ts";

/** One entity of ours and its counterpart in another system (m3ter semantics 22). */
export const externalMapping = defineResource({
  kind: "externalMapping",
  noun: "ExternalMapping",
  path: "externalmappings",
  fields: z.object({
    m3terEntity: anyCode,
    m3terId: anyCode,
    externalSystem: anyCode,
    externalTable: anyCode,
    externalId: anyCode,
    integrationConfigId: z.string().optional(),
  }),
  pageSizeMax: 200,
  filters: {
    externalSystemId: { by: "field", field: "externalSystem" },
    m3terIds: { by: "in", field: "m3terId" },
    integrationConfigId: { by: "field", field: "integrationConfigId" },
  },
  references: { integrationConfigId: "integrationConfig" },
  views: {
    "external/{entity}/{m3terId}": {
      match: { m3terEntity: "entity", m3terId: "m3terId" },
      pageSizeMax: 200,
    },
    "externalid/{system}/{externalTable}/{externalId}": {
      match: {
        externalSystem: "system",
        externalTable: "externalTable",
        externalId: "externalId",
      },
      pageSizeMax: 200,
    },
  },
  events: "configuration",
});
