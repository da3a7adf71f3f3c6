import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code } from "../schema.ts";
import { scope, scopeReferences } from "./scope.ts";

/**
 * At most so many open holds at any time, within a scope (authorization semantics I28). Holds that are open when it is
 * created are not counted: an authorization does not keep whom it acts for.
 */
export const concurrencyLimit = defineResource({
  kind: "concurrencyLimit",
  noun: "ConcurrencyLimit",
  path: "concurrencylimits",
  takesKey: true,
  fields: z.object({
    code,
    scope: scope.default({}),
    limit: z.int().min(0).max(1_000_000_000),
  }),
  pageSizeMax: 200,
  filters: { ids: { by: "id" }, codes: { by: "code" } },
  references: scopeReferences,
  events: "configuration",
});
