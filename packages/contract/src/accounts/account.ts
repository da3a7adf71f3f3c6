import { z } from "zod";
import { defineResource } from "../resource.ts";
import {
  code,
  creditApplicationOrder,
  currencyCode,
  customFields,
  periodDay,
  name,
  statementMode,
} from "../schema.ts";

const address = z.object({
  addressLine1: z.string().max(50).optional(),
  addressLine2: z.string().max(50).optional(),
  addressLine3: z.string().optional(),
  addressLine4: z.string().optional(),
  locality: z.string().max(100).optional(),
  region: z.string().max(50).optional(),
  postCode: z.string().max(20).optional(),
  country: z.string().max(100).optional(),
});

/** One end customer (m3ter semantics 14.1). */
export const account = defineResource({
  kind: "account",
  noun: "Account",
  path: "accounts",
  fields: z.object({
    name,
    code,
    emailAddress: z.email(),
    address: address.optional(),
    parentAccountId: z.string().optional(),
    billEpoch: periodDay.optional(),
    purchaseOrderNumber: z.string().max(100).optional(),
    /** Of its bills, before the organization's; an empty one is none. */
    currency: z.union([z.literal("").transform(() => undefined), currencyCode]).optional(),
    statementDefinitionId: z.string().optional(),
    autoGenerateStatementMode: statementMode.optional(),
    creditApplicationOrder: creditApplicationOrder.optional(),
    daysBeforeBillDue: z.int().positive().optional(),
    customFields: customFields.optional(),
  }),
  pageSizeMax: 100,
  filters: { ids: { by: "id" }, codes: { by: "code" } },
  search: ["name", "code", "currency", "purchaseOrderNumber", "parentAccountId"],
  views: { "{id}/children": { match: { parentAccountId: "id" }, pageSizeMax: 200 } },
  references: { parentAccountId: "account", statementDefinitionId: "statementDefinition" },
  events: "configuration",
});
