import { z } from "zod";
import { date, dateTime, endsAfterStart } from "../schema.ts";

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
  .superRefine(endsAfterStart)
  .superRefine(({ startDate, endDate, ...invoiced }, context) => {
    const { externalInvoiceDateStart: from, externalInvoiceDateEnd: to } = invoiced;
    const refuse = (field: string, message: string): void =>
      context.addIssue({ code: "custom", path: [field], message });
    if (from !== undefined && to !== undefined && to < from) {
      refuse("externalInvoiceDateEnd", "must not be before externalInvoiceDateStart");
    }
    const isPeriod = startDate !== undefined && endDate !== undefined;
    if (isPeriod || (from !== undefined && to !== undefined)) return;
    refuse("startDate", "is required, with endDate, unless both external invoice dates are given");
  });
export type BillsDownload = z.output<typeof billsDownload>;
