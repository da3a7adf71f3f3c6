import { z } from "zod";
import { defineResource } from "../resource.ts";
import { dateTime } from "../schema.ts";

/** The offer to a person to become a user. Made by an operation, since it also makes the user. */
export const orgUserInvitation = defineResource({
  kind: "orgUserInvitation",
  noun: "OrgUserInvitation",
  path: "invitations",
  verbs: ["retrieve", "list"],
  fields: z.object({
    m3terUser: z.boolean().optional(),
    firstName: z.string().min(1).max(100),
    lastName: z.string().min(1).max(100),
    contactNumber: z.string().max(50).optional(),
    email: z.email(),
    permissionPolicyIds: z.array(z.string()).optional(),
    dtEndAccess: dateTime.optional(),
    dtExpiry: dateTime.optional(),
  }),
  pageSizeMax: 200,
  filters: {},
  references: {},
  owned: ["invitingPrincipalId", "accepted"],
  events: "configuration",
});
