import { z } from "zod";
import { defineResource } from "../resource.ts";
import {
  childBillingMode,
  date,
  periodDay,
  dateTime,
  description,
  endsAfterStart,
  id,
  interval,
  nonNegative,
  number,
  offset,
  positive,
} from "../schema.ts";
import { servicePeriodInOrder } from "./charge-amount.ts";

/** Lines that prepaid money may pay for (m3ter semantics 15.3). */
export const drawableLineItemTypes = [
  "STANDING_CHARGE",
  "USAGE",
  "MINIMUM_SPEND",
  "COUNTER_RUNNING_TOTAL_CHARGE",
  "COUNTER_ADJUSTMENT_DEBIT",
] as const;

const fee = z
  .object({
    date,
    amount: positive,
    servicePeriodStartDate: dateTime,
    servicePeriodEndDate: dateTime,
  })
  .superRefine(servicePeriodInOrder);

interface Terms {
  readonly amount: number;
  readonly amountPrePaid?: number | undefined;
  readonly billingPlanId?: string | undefined;
  readonly feeDates?: readonly unknown[] | undefined;
  readonly overageSurchargePercent?: number | undefined;
  readonly separateOverageUsage?: boolean | undefined;
}

/** m3ter semantics 15.2. */
const termsAgree = (terms: Terms, context: z.RefinementCtx): void => {
  const refuse = (field: keyof Terms, message: string): void =>
    context.addIssue({ code: "custom", path: [field], message });
  if (terms.separateOverageUsage === true && (terms.overageSurchargePercent ?? 0) !== 0) {
    refuse("overageSurchargePercent", "cannot be combined with separateOverageUsage");
  }
  if (terms.billingPlanId !== undefined && (terms.feeDates ?? []).length > 0) {
    refuse("billingPlanId", "cannot be combined with feeDates");
  }
  if ((terms.amountPrePaid ?? 0) > terms.amount) {
    refuse("amountPrePaid", "must not be more than amount");
  }
};

/** Spend agreed for a term, drawn down by the account's charges (m3ter semantics 15). */
export const commitment = defineResource({
  kind: "commitment",
  noun: "Commitment",
  path: "commitments",
  fields: z
    .object({
      accountId: id,
      billingPlanId: z.string().max(36).optional(),
      productIds: z.array(z.string()).max(100).optional(),
      startDate: date,
      endDate: date,
      currency: z.string().min(1),
      amount: positive,
      amountPrePaid: nonNegative.optional(),
      amountFirstBill: nonNegative.optional(),
      overageSurchargePercent: number.optional(),
      separateOverageUsage: z.boolean().optional(),
      billingInterval: interval.optional(),
      billingOffset: offset.optional(),
      commitmentFeeDescription: description.optional(),
      commitmentUsageDescription: description.optional(),
      overageDescription: description.optional(),
      commitmentFeeBillInAdvance: z.boolean().optional(),
      billEpoch: periodDay.optional(),
      contractId: id.optional(),
      accountingProductId: id.optional(),
      feesAccountingProductId: id.optional(),
      drawdownsAccountingProductId: id.optional(),
      feeDates: z.array(fee).optional(),
      childBillingMode: childBillingMode.optional(),
      lineItemTypes: z.array(z.enum(drawableLineItemTypes)).optional(),
    })
    .superRefine(termsAgree)
    .superRefine(endsAfterStart),
  pageSizeMax: 100,
  filters: {
    accountId: { by: "field", field: "accountId" },
    productId: { by: "contains", field: "productIds" },
    date: { by: "activeOn" },
    endDateStart: { by: "from", field: "endDate" },
    endDateEnd: { by: "before", field: "endDate" },
    ids: { by: "id" },
    contractId: { by: "field", field: "contractId", orNone: true },
  },
  references: {
    accountId: "account",
    billingPlanId: "plan",
    productIds: "product",
    contractId: "contract",
    accountingProductId: "product",
    feesAccountingProductId: "product",
    drawdownsAccountingProductId: "product",
  },
  search: ["startDate", "endDate", "contractId", "accountId", "productId", "productIds"],
  owned: ["amountSpent"],
  events: "configuration",
});
