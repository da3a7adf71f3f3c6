import { z } from "zod";
import { defineResource } from "../resource.ts";
import { name } from "../schema.ts";

/** A program that calls the API with keys of its own. Ours: m3ter has no public route for it (semantics 1.1). */
export const serviceUser = defineResource({
  kind: "serviceUser",
  noun: "ServiceUser",
  path: "serviceusers",
  fields: z.object({ name }),
  pageSizeMax: 200,
  filters: { ids: { by: "id" } },
  references: {},
  events: "configuration",
});
