import { z } from "zod";
import { defineResource } from "../resource.ts";
import { dateTime } from "../schema.ts";
import { amountAboveZero, assetCode } from "./exact.ts";

/** So many units of `to` for one unit of `from`, from an instant on (authorization semantics f.2). */
export const assetRate = defineResource({
  kind: "assetRate",
  noun: "AssetRate",
  path: "assetrates",
  takesKey: true,
  fields: z.object({
    from: assetCode,
    to: assetCode,
    rate: amountAboveZero,
    effectiveAt: dateTime,
  }),
  pageSizeMax: 200,
  filters: {
    ids: { by: "id" },
    from: { by: "field", field: "from" },
    to: { by: "field", field: "to" },
  },
  references: {},
  unique: [["from", "to", "effectiveAt"]],
  events: "configuration",
});
