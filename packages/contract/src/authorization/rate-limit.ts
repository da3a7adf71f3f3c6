import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code } from "../schema.ts";
import { scope, scopeReferences } from "./scope.ts";

/** At most so many requests in any window, within a scope (authorization semantics I27). */
export const rateLimit = defineResource({
  kind: "rateLimit",
  noun: "RateLimit",
  path: "ratelimits",
  takesKey: true,
  fields: z.object({
    code,
    scope: scope.default({}),
    limit: z.int().min(0).max(1_000_000_000),
    windowSeconds: z
      .int()
      .min(1)
      .max(31 * 86_400),
    burst: z.int().min(0).max(1_000_000_000).default(0),
  }),
  pageSizeMax: 200,
  filters: { ids: { by: "id" }, codes: { by: "code" } },
  references: scopeReferences,
  events: "configuration",
});
