import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code, date, dateTime, id, name, number } from "../schema.ts";
import { amountOrUnits, servicePeriodInOrder } from "./charge-amount.ts";

const balanceChargesNameTheirBalance = (
  charge: { entityType: string; entityId?: string | undefined },
  context: z.RefinementCtx,
): void => {
  if (charge.entityType !== "BALANCE" || charge.entityId) return;
  const message = "is required when entityType is BALANCE";
  context.addIssue({ code: "custom", path: ["entityId"], message });
};

/** A one-off bill line of an account, or the fee for a balance (m3ter semantics 17). */
export const charge = defineResource({
  kind: "charge",
  noun: "Charge",
  path: "charges",
  fields: z
    .object({
      name,
      code,
      accountId: id,
      billDate: date.optional(),
      amount: number.optional(),
      units: number.optional(),
      unitPrice: number.optional(),
      currency: z.string().min(1),
      description: z.string().optional(),
      entityType: z.enum(["AD_HOC", "BALANCE"]),
      lineItemType: z.enum(["BALANCE_FEE", "AD_HOC"]),
      entityId: z.string().optional(),
      accountingProductId: id.optional(),
      servicePeriodStartDate: dateTime,
      servicePeriodEndDate: dateTime,
      notes: z.string().optional(),
      contractId: z.string().optional(),
    })
    .superRefine(amountOrUnits)
    .superRefine(balanceChargesNameTheirBalance)
    .superRefine(servicePeriodInOrder),
  pageSizeMax: 200,
  filters: {
    accountId: { by: "field", field: "accountId" },
    entityType: { by: "field", field: "entityType" },
    entityId: { by: "field", field: "entityId" },
    billDate: { by: "field", field: "billDate" },
    ids: { by: "id" },
    scheduleId: { by: "field", field: "scheduleId" },
  },
  references: {
    accountId: "account",
    entityId: "balance",
    accountingProductId: "product",
    contractId: "contract",
  },
  owned: ["billId", "scheduleId"],
  events: "billing",
});
