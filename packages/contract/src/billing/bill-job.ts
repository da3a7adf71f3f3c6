import { parseZone } from "@turnpike/engine/time/zone.ts";
import { z } from "zod";
import { currencyConversion, date, periodDay } from "../schema.ts";

export const jobFrequencies = ["DAILY", "WEEKLY", "MONTHLY", "ANNUALLY", "AD_HOC"] as const;

/** What a bill run covers (m3ter semantics 18.7). Without dates: the period that is open now. */
export const billJobRequest = z.object({
  accountIds: z.array(z.string()).min(1).max(100).optional(),
  billingFrequency: z.enum(jobFrequencies).optional(),
  billFrequencyInterval: z.int().min(1).max(365).optional(),
  lastDateInBillingPeriod: periodDay.optional(),
  billDate: periodDay.optional(),
  dueDate: date.optional(),
  externalInvoiceDate: date.optional(),
  targetCurrency: z.string().length(3).optional(),
  currencyConversions: z.array(currencyConversion).max(250).optional(),
  timezone: z
    .string()
    .refine((text) => parseZone(text) !== undefined, "is no time zone")
    .optional(),
  yearEpoch: periodDay.optional(),
  monthEpoch: periodDay.optional(),
  weekEpoch: periodDay.optional(),
  dayEpoch: periodDay.optional(),
});
export type BillJobRequest = z.output<typeof billJobRequest>;

/** The bills to calculate again. */
export const recalculationRequest = z.object({
  billIds: z.array(z.string()).min(1).max(100),
});

/** A preview is of exactly one account's bill of one cadence (m3ter semantics 18.7). */
export const previewRequest = billJobRequest
  .required({
    accountIds: true,
    billingFrequency: true,
    billFrequencyInterval: true,
  })
  .extend({ accountIds: z.array(z.string()).length(1, "must name exactly one account") });

export const billJobStatuses = [
  "PENDING",
  "INITIALIZING",
  "RUNNING",
  "COMPLETE",
  "CANCELLED",
] as const;
export type BillJobStatus = (typeof billJobStatuses)[number];
