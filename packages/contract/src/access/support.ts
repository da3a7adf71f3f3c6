import { z } from "zod";
import { defineResource } from "../resource.ts";
import { dateTime } from "../schema.ts";
import { permissionStatement } from "./permission-statement.ts";

/** Until when, and with which permissions, support may enter the organization: not at all at first. */
export const support = defineResource({
  kind: "support",
  noun: "Support",
  path: "support",
  fields: z.object({
    dtEndSupportUsersAccess: dateTime,
    supportUsersPermissionPolicy: z.array(permissionStatement).optional(),
  }),
  singleton: { initial: { dtEndSupportUsersAccess: "1970-01-01T00:00:00.000Z" } },
  pageSizeMax: 100,
  filters: {},
  references: {},
  events: "configuration",
});
