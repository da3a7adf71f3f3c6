import { z } from "zod";
import { defineResource } from "../resource.ts";
import { permissionStatement } from "./permission-statement.ts";

/** What principals that it is attached to may do. Managed ones belong to the system and cannot be changed. */
export const permissionPolicy = defineResource({
  kind: "permissionPolicy",
  noun: "PermissionPolicy",
  path: "permissionpolicies",
  fields: z.object({
    name: z.string().min(1).max(100),
    permissionPolicy: z.array(permissionStatement).min(1).max(100),
  }),
  pageSizeMax: 100,
  filters: {},
  references: {},
  events: "configuration",
});

/** The policies that every organization has, by the id they have in each of them. */
export const managedPolicies = {
  administrator: {
    id: "00000000-0000-7000-8000-000000000001",
    name: "Administrator",
    permissionPolicy: [{ effect: "allow", action: ["*"], resource: ["*"] }],
  },
  reader: {
    id: "00000000-0000-7000-8000-000000000002",
    name: "Read only",
    permissionPolicy: [
      {
        effect: "allow",
        action: ["config:retrieve", "analytics:query", "measurements:retrieve", "audit:retrieve"],
        resource: ["*"],
      },
    ],
  },
  uploader: {
    id: "00000000-0000-7000-8000-000000000003",
    name: "Measurements upload",
    permissionPolicy: [
      {
        effect: "allow",
        action: ["measurements:upload", "measurements:fileupload"],
        resource: ["measurements:*"],
      },
    ],
  },
} as const;

export const isManagedPolicy = (id: string): boolean =>
  Object.values(managedPolicies).some((policy) => policy.id === id);
