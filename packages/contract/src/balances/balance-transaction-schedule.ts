import { z } from "zod";
import { defineResource } from "../resource.ts";
import {
  code,
  customFields,
  dateTime,
  endsAfterStart,
  interval,
  name,
  nonNegative,
  number,
  scheduleFrequency,
} from "../schema.ts";
import { transactionTypeId } from "./balance-transaction.ts";

/** Entries that a balance gets again and again (m3ter semantics 16.5). */
export const balanceTransactionSchedule = defineResource({
  kind: "balanceTransactionSchedule",
  noun: "BalanceTransactionSchedule",
  path: "balances/{balanceId}/balancetransactionschedules",
  within: "balanceId",
  fields: z
    .object({
      balanceId: z.string(),
      name,
      code,
      amount: nonNegative,
      transactionDescription: z.string().min(1),
      paid: number.optional(),
      currencyPaid: z.string().optional(),
      transactionTypeId: transactionTypeId.min(1),
      startDate: dateTime,
      endDate: dateTime,
      frequency: scheduleFrequency,
      frequencyInterval: interval,
      customFields: customFields.optional(),
    })
    .superRefine(endsAfterStart),
  pageSizeMax: 200,
  filters: { ids: { by: "id" } },
  references: { balanceId: "balance", transactionTypeId: "transactionType" },
  owned: ["previousRun", "nextRun"],
  events: "billing",
});
