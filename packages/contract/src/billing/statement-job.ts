import { z } from "zod";

export const statementJobStatuses = [
  "PENDING",
  "RUNNING",
  "COMPLETE",
  "CANCELLED",
  "FAILED",
] as const;
export type StatementJobStatus = (typeof statementJobStatuses)[number];

const options = {
  includeCsvFormat: z.boolean().default(false),
  filters: z.object({ meterIds: z.array(z.string()).max(10).optional() }).optional(),
};

/** A file of the usage behind a bill, made in the background (m3ter semantics 19). */
export const statementJobRequest = z.object({ billId: z.string().min(1), ...options });

export const statementBatchRequest = z.object({
  billIds: z.array(z.string()).min(1).max(10),
  ...options,
});
