import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";
import { usageQuery } from "./usage-query.ts";

export const usageOperations = {
  submitMeasurements: {
    method: "POST",
    path: "/organizations/{orgId}/measurements",
    noun: "Measurements",
    summary: "Submit 1 to 1,000 measurements; acknowledged once they are durable",
    accepts: "raw",
    access: "organization",
    permission: { action: "measurements:upload", on: "measurements:measurement" },
  },
  queryUsage: {
    method: "POST",
    path: "/organizations/{orgId}/usage/query",
    noun: "UsageQuery",
    summary: "Measurements, or what they add up to by account, time and dimension",
    body: usageQuery,
    ...permitted("analytics:query", "analytics:usage"),
  },
} as const satisfies Record<string, Operation>;
