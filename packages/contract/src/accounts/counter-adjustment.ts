import { z } from "zod";
import { defineResource } from "../resource.ts";
import { date } from "../schema.ts";

/** The value of an account's counter from a day on: absolute, one a day (m3ter semantics 13.1). */
export const counterAdjustment = defineResource({
  kind: "counterAdjustment",
  noun: "CounterAdjustment",
  path: "counteradjustments",
  fields: z.object({
    counterId: z.string().min(1),
    accountId: z.string().min(1),
    date,
    value: z.int().min(0),
    purchaseOrderNumber: z.string().max(100).optional(),
  }),
  pageSizeMax: 100,
  filters: {
    counterId: { by: "field", field: "counterId", required: true },
    accountId: { by: "field", field: "accountId" },
    date: { by: "field", field: "date", requires: "accountId" },
    dateStart: { by: "from", field: "date", requires: "accountId" },
    dateEnd: { by: "before", field: "date", requires: "accountId" },
    endDateStart: { by: "from", field: "date" },
    endDateEnd: { by: "before", field: "date" },
    sortOrder: { by: "order" },
  },
  references: { counterId: "counter", accountId: "account" },
  unique: [["accountId", "counterId", "date"]],
  events: "billing",
});
