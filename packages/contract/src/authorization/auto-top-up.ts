import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code } from "../schema.ts";
import { accountCode, amount, amountAboveZero, assetCode } from "./exact.ts";

/** Below a threshold, ask for a payment: one at a time, so often per window at most (authorization semantics I25). */
export const autoTopUp = defineResource({
  kind: "autoTopUp",
  noun: "AutoTopUp",
  path: "autotopups",
  takesKey: true,
  fields: z.object({
    code,
    account: accountCode,
    asset: assetCode,
    threshold: amount,
    creditAmount: amountAboveZero,
    /** What the customer pays for it, fees and taxes included; the credited amount when absent. */
    chargeAmount: amount.optional(),
    paymentMethod: z.string().min(1).max(200),
    windowSeconds: z
      .int()
      .min(1)
      .max(366 * 86_400)
      .default(86_400),
    countMax: z.int().min(1).max(10_000).default(1),
  }),
  computed: z.object({
    failures: z.int().describe("Of payments in a row with this payment method."),
    suspended: z.boolean().describe("Whether it waits for another payment method."),
    inFlight: z.string().optional().describe("The top-up that is pending."),
  }),
  pageSizeMax: 200,
  filters: {
    ids: { by: "id" },
    codes: { by: "code" },
    account: { by: "field", field: "account" },
  },
  references: {},
  unique: [["account", "asset"]],
  events: "configuration",
});
