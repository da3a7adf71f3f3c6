import { z } from "zod";
import { defineResource } from "../resource.ts";
import { name } from "../schema.ts";
import { assetCode } from "./exact.ts";

/** What wallets hold: money of a country, or credits of the organization's own (authorization semantics f.1). */
export const asset = defineResource({
  kind: "asset",
  noun: "Asset",
  path: "assets",
  takesKey: true,
  fields: z.object({
    code: assetCode,
    name,
    scale: z
      .int()
      .min(0)
      .max(18)
      .describe(
        "Digits after the point of the smallest unit. Fiat is counted in six at least, whatever it has: a call may cost less " +
          "than a cent.",
      ),
    kind: z.enum(["fiat", "custom"]),
  }),
  pageSizeMax: 200,
  filters: { ids: { by: "id" }, codes: { by: "code" } },
  references: {},
  events: "configuration",
});
