import type { Operation } from "../operation.ts";

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
} as const satisfies Record<string, Operation>;
