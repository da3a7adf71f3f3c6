import { z } from "zod";
import { date, dateTime } from "../schema.ts";

/** A day or an instant, as its UTC day. */
const day = z.union([date, dateTime.transform((at) => at.slice(0, 10))]);

/** Which bills a CSV file lists (m3ter semantics 2.9: at most 31 days and 5,000 bills). */
export const billsDownload = z
  .object({
    startDate: day.optional(),
    endDate: day.optional(),
    externalInvoiceDateStart: day.optional(),
    externalInvoiceDateEnd: day.optional(),
    externalSystem: z.enum(["STANDARD", "XERO"]).default("STANDARD"),
  })
  .superRefine((given, context) => {
    const isPeriod = given.startDate !== undefined && given.endDate !== undefined;
    const isInvoicePeriod =
      given.externalInvoiceDateStart !== undefined && given.externalInvoiceDateEnd !== undefined;
    if (isPeriod || isInvoicePeriod) return;
    const message = "is required, with endDate, unless both external invoice dates are given";
    context.addIssue({ code: "custom", path: ["startDate"], message });
  });
export type BillsDownload = z.output<typeof billsDownload>;
