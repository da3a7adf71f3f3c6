import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code, customFields, date, endsAfterStart, name } from "../schema.ts";

const usageFilter = z.object({
  dimensionCode: z.string().min(1),
  value: z.string().min(1),
  mode: z.enum(["INCLUDE", "EXCLUDE"]),
});

/** An agreement with an account that plans, commitments, balances and charges may belong to (m3ter semantics 14.3). */
export const contract = defineResource({
  kind: "contract",
  noun: "Contract",
  path: "contracts",
  fields: z
    .object({
      accountId: z.string().min(1),
      name,
      code: code.optional(),
      description: z.string().max(500).optional(),
      purchaseOrderNumber: z.string().max(100).optional(),
      applyContractPeriodLimits: z.boolean().default(false),
      usageFilters: z.array(usageFilter).optional(),
      billGroupingKeyId: z.string().optional(),
      startDate: date,
      endDate: date,
      customFields: customFields.optional(),
    })
    .superRefine(endsAfterStart),
  pageSizeMax: 100,
  filters: {
    ids: { by: "id" },
    codes: { by: "code" },
    accountId: { by: "field", field: "accountId" },
  },
  references: { accountId: "account", billGroupingKeyId: "billGroupingKey" },
  events: "configuration",
});
