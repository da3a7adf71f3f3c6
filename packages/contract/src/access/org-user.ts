import { z } from "zod";
import { defineResource } from "../resource.ts";
import { dateTime } from "../schema.ts";
import { permissionStatement } from "./permission-statement.ts";

/** A person of the organization; made by an invitation (m3ter semantics 1.3). */
export const orgUser = defineResource({
  kind: "orgUser",
  noun: "OrgUser",
  path: "users",
  verbs: ["retrieve", "update", "list"],
  fields: z.object({
    permissionPolicy: z.array(permissionStatement).optional(),
    dtEndAccess: dateTime.optional(),
  }),
  pageSizeMax: 200,
  filters: { ids: { by: "id" } },
  references: {},
  owned: ["firstName", "lastName", "contactNumber", "email", "organizations", "supportUser"],
  unique: [["email"]],
  events: "configuration",
});
