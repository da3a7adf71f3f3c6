import { z } from "zod";
import { dateTime, positive } from "../schema.ts";

const memo = {
  description: z.string().min(1),
  /** In the currency of the bill. */
  amount: positive,
  /** What of the amount goes on this bill; all of it unless said otherwise. */
  amountToApplyOnBill: positive.optional(),
  productId: z.string().optional(),
  accountingProductId: z.string().optional(),
  referencedBillId: z.string().optional(),
  referencedLineItemId: z.string().optional(),
  servicePeriodStartDate: dateTime.optional(),
  servicePeriodEndDate: dateTime.optional(),
  reasonId: z.string().optional(),
  version: z.int().optional(),
};

/** Applies no more than it is worth, to a period that does not end before it starts. */
const isSound = (
  given: {
    amount: number;
    amountToApplyOnBill?: number | undefined;
    servicePeriodStartDate?: string | undefined;
    servicePeriodEndDate?: string | undefined;
  },
  context: z.RefinementCtx,
): void => {
  const { amount, amountToApplyOnBill = amount, servicePeriodStartDate: start } = given;
  const { servicePeriodEndDate: end } = given;
  if (amountToApplyOnBill > amount) {
    const message = "must not be above amount";
    context.addIssue({ code: "custom", path: ["amountToApplyOnBill"], message });
  }
  if (start !== undefined && end !== undefined && end < start) {
    const message = "must not be before servicePeriodStartDate";
    context.addIssue({ code: "custom", path: ["servicePeriodEndDate"], message });
  }
};

/** Credit and debit lines that somebody puts on a bill by hand (m3ter semantics 18.8). */
export const creditLineItem = z
  .object({ ...memo, creditReasonId: z.string().optional() })
  .superRefine(isSound);
export const debitLineItem = z
  .object({ ...memo, debitReasonId: z.string().optional() })
  .superRefine(isSound);
export type MemoLineItem = z.output<typeof creditLineItem> & z.output<typeof debitLineItem>;
