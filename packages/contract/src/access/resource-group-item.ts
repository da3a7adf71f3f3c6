import { z } from "zod";
import { defineResource } from "../resource.ts";

/** The wire speaks lower case, the schema's enum upper case: both are read, upper case is answered. */
export const targetType = z
  .string()
  .transform((text) => text.toUpperCase())
  .pipe(z.enum(["ITEM", "GROUP"]));

/** A member of a resource group: an item, or another group. Added and removed by operations of the group. */
export const resourceGroupItem = defineResource({
  kind: "resourceGroupItem",
  noun: "ResourceGroupItem",
  path: "resourcegroups/{type}/{resourceGroupId}/contents",
  within: "resourceGroupId",
  verbs: [],
  fields: z.object({
    resourceGroupId: z.string(),
    targetId: z.string().min(1),
    targetType,
  }),
  pageSizeMax: 100,
  filters: {},
  references: { resourceGroupId: "resourceGroup" },
  unique: [["resourceGroupId", "targetType", "targetId"]],
  events: "configuration",
});
