import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code, customFields, name } from "../schema.ts";

/** A table that calculations look values up in; its rows live in revisions (m3ter semantics 8). */
export const lookupTable = defineResource({
  kind: "lookupTable",
  noun: "LookupTable",
  path: "lookuptables",
  fields: z.object({ name, code, customFields: customFields.optional() }),
  pageSizeMax: 200,
  filters: { codes: { by: "code" } },
  references: {},
  events: "configuration",
});
