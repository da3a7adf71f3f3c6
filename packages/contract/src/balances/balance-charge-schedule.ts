import { z } from "zod";
import { amountOrUnits, servicePeriodInOrder } from "../billing/charge-amount.ts";
import { defineResource } from "../resource.ts";
import {
  code,
  customFields,
  periodDay,
  dateTime,
  interval,
  name,
  nonNegative,
  number,
  scheduleFrequency,
} from "../schema.ts";

/** Charges for a balance, one for each slice of its service period (m3ter semantics 16.5). */
export const balanceChargeSchedule = defineResource({
  kind: "balanceChargeSchedule",
  noun: "BalanceChargeSchedule",
  path: "balances/{balanceId}/balancechargeschedules",
  within: "balanceId",
  fields: z
    .object({
      balanceId: z.string(),
      name,
      code,
      amount: nonNegative.optional(),
      units: number.optional(),
      unitPrice: number.optional(),
      currency: z.string(),
      servicePeriodStartDate: dateTime,
      servicePeriodEndDate: dateTime,
      billEpoch: periodDay.optional(),
      billFrequency: scheduleFrequency,
      billFrequencyInterval: interval,
      billInAdvance: z.boolean(),
      chargeDescription: z.string().min(1),
      customFields: customFields.optional(),
    })
    .superRefine(amountOrUnits)
    .superRefine(servicePeriodInOrder),
  pageSizeMax: 200,
  filters: { ids: { by: "id" } },
  references: { balanceId: "balance" },
  owned: ["previousRun", "nextRun"],
  events: "billing",
});
