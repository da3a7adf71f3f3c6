import { z } from "zod";
import { defineResource } from "../resource.ts";

/** The wire speaks lower case, the schema's enum upper case: both are read, upper case is answered. */
export const targetType = z
  .string()
  .transform((text) => text.toUpperCase())
  .pipe(z.enum(["ITEM", "GROUP"]));

/** An id in one spelling: a member that is named in another one is the same member. */
export const targetId = z.string().min(1).toLowerCase();

/** A member of a resource group: an item, or another group. Added and removed by operations of the group. */
export const resourceGroupItem = defineResource({
  kind: "resourceGroupItem",
  noun: "ResourceGroupItem",
  path: "resourcegroups/{type}/{resourceGroupId}/contents",
  within: "resourceGroupId",
  verbs: [],
  fields: z.object({
    resourceGroupId: z.string(),
    targetId,
    targetType,
  }),
  pageSizeMax: 100,
  filters: {},
  references: { resourceGroupId: "resourceGroup" },
  unique: [["resourceGroupId", "targetType", "targetId"]],
  events: "configuration",
});
