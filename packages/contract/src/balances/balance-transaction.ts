import { z } from "zod";
import { defineResource } from "../resource.ts";
import { dateTime, number } from "../schema.ts";

export const transactionTypeId = z
  .string()
  .max(36)
  .regex(/^[a-zA-Z0-9-]*$/, "must be an id");

/** An entry of a balance's ledger: never changed, corrected by an opposite one (m3ter semantics 16.2). */
export const balanceTransaction = defineResource({
  kind: "balanceTransaction",
  noun: "BalanceTransaction",
  path: "balances/{balanceId}/transactions",
  within: "balanceId",
  verbs: ["create", "list"],
  fields: z.object({
    balanceId: z.string(),
    description: z.string().optional(),
    amount: number,
    paid: number.optional(),
    currencyPaid: z.string().optional(),
    transactionTypeId: transactionTypeId.optional(),
    appliedDate: dateTime.optional(),
    transactionDate: dateTime.optional(),
  }),
  pageSizeMax: 200,
  filters: {
    transactionTypeId: { by: "field", field: "transactionTypeId" },
    entityType: { by: "field", field: "entityType" },
    entityId: { by: "field", field: "entityId" },
  },
  references: { balanceId: "balance", transactionTypeId: "transactionType" },
  owned: ["entityType", "entityId"],
  events: "billing",
});
