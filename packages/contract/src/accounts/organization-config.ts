import { z } from "zod";
import { defineResource } from "../resource.ts";
import { creditApplicationOrder, currencyConversion, periodDay, statementMode } from "../schema.ts";

const scheduledBillIntervals = [0, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 24];

/** Only runs that happen once a day have an hour (m3ter semantics 18.7). */
const offsetsWholeDays = (
  config: { scheduledBillInterval?: number | undefined; scheduledBillOffset?: number | undefined },
  context: z.RefinementCtx,
): void => {
  if ((config.scheduledBillOffset ?? 0) === 0 || config.scheduledBillInterval === 24) return;
  const message = "needs a scheduledBillInterval of 24";
  context.addIssue({ code: "custom", path: ["scheduledBillOffset"], message });
};

/** How an organization bills (m3ter semantics 23). */
export const organizationConfig = defineResource({
  kind: "organizationConfig",
  noun: "OrganizationConfig",
  path: "organizationconfig",
  fields: z
    .object({
      timezone: z.string().min(1),
      yearEpoch: periodDay,
      monthEpoch: periodDay,
      weekEpoch: periodDay,
      dayEpoch: periodDay,
      currency: z.string().min(1),
      currencyConversions: z.array(currencyConversion).optional(),
      daysBeforeBillDue: z.int().positive(),
      scheduledBillInterval: z
        .number()
        .refine((hours) => scheduledBillIntervals.includes(hours), {
          error: `must be one of ${scheduledBillIntervals.join(", ")}`,
        })
        .optional(),
      scheduledBillOffset: z.int().min(0).max(23).optional(),
      standingChargeBillInAdvance: z.boolean().default(false),
      commitmentFeeBillInAdvance: z.boolean().default(false),
      minimumSpendBillInAdvance: z.boolean().default(false),
      autoApproveBillsGracePeriod: z.int().positive().optional(),
      autoApproveBillsGracePeriodUnit: z.enum(["MINUTES", "HOURS", "DAYS"]).optional(),
      externalInvoiceDate: z
        .enum(["FIRST_DAY_OF_NEXT_PERIOD", "LAST_DAY_OF_ARREARS"])
        .default("FIRST_DAY_OF_NEXT_PERIOD"),
      suppressedEmptyBills: z.boolean().default(false),
      consolidateBills: z.boolean().default(false),
      defaultStatementDefinitionId: z.string().optional(),
      autoGenerateStatementMode: statementMode.default("NONE"),
      creditApplicationOrder: creditApplicationOrder.optional(),
      allowNegativeBalances: z.boolean().default(false),
      allowOverlappingPlans: z.boolean().default(false),
      billPrefix: z.string().optional(),
      sequenceStartNumber: z.int().optional(),
    })
    .superRefine(offsetsWholeDays),
  singleton: {
    initial: {
      timezone: "UTC",
      yearEpoch: "2022-01-01",
      monthEpoch: "2022-01-01",
      weekEpoch: "2022-01-04",
      dayEpoch: "2022-01-01",
      currency: "USD",
      daysBeforeBillDue: 30,
    },
  },
  pageSizeMax: 100,
  filters: {},
  references: { defaultStatementDefinitionId: "statementDefinition" },
  events: "configuration",
});
