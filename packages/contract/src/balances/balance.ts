import { z } from "zod";
import { drawableLineItemTypes } from "../billing/commitment.ts";
import { defineResource } from "../resource.ts";
import {
  code,
  customFields,
  dateTime,
  description,
  endsAfterStart,
  id,
  nonNegative,
  number,
} from "../schema.ts";

/** An amount rolls over only until a date; a date alone rolls over everything (m3ter semantics 16.3). */
const rolloverHasItsEnd = (
  balance: {
    endDate: string;
    rolloverAmount?: number | undefined;
    rolloverEndDate?: string | undefined;
  },
  context: z.RefinementCtx,
): void => {
  const { endDate, rolloverAmount, rolloverEndDate } = balance;
  const refuse = (message: string): void =>
    context.addIssue({ code: "custom", path: ["rolloverEndDate"], message });
  if (rolloverAmount !== undefined && rolloverEndDate === undefined) {
    refuse("is required together with rolloverAmount");
  }
  if (rolloverEndDate !== undefined && rolloverEndDate < endDate) {
    refuse("must not be before endDate");
  }
};

/** A wallet with a ledger of transactions, drawn down by the account's charges (m3ter semantics 16). */
export const balance = defineResource({
  kind: "balance",
  noun: "Balance",
  path: "balances",
  fields: z
    .object({
      code,
      name: z.string().min(1),
      description: z.string().optional(),
      accountId: z.string().min(1),
      startDate: dateTime,
      endDate: dateTime,
      currency: z.string().min(1),
      rolloverAmount: nonNegative.optional(),
      rolloverEndDate: dateTime.optional(),
      balanceDrawDownDescription: description.optional(),
      overageSurchargePercent: number.optional(),
      overageDescription: description.optional(),
      productIds: z.array(z.string()).optional(),
      lineItemTypes: z.array(z.enum([...drawableLineItemTypes, "AD_HOC"])).optional(),
      contractId: z.string().optional(),
      consumptionsAccountingProductId: id.optional(),
      feesAccountingProductId: id.optional(),
      allowOverdraft: z.boolean().optional(),
      customFields: customFields.optional(),
    })
    .superRefine(endsAfterStart)
    .superRefine(rolloverHasItsEnd),
  pageSizeMax: 100,
  filters: {
    accountId: { by: "field", field: "accountId" },
    endDateStart: { by: "from", field: "rolloverEndDate", orElse: "endDate" },
    endDateEnd: { by: "before", field: "rolloverEndDate", orElse: "endDate" },
    contract: { by: "field", field: "contractId" },
    contractId: { by: "field", field: "contractId", orNone: true },
    ids: { by: "id" },
  },
  references: {
    accountId: "account",
    productIds: "product",
    contractId: "contract",
    consumptionsAccountingProductId: "product",
    feesAccountingProductId: "product",
  },
  events: "billing",
});
