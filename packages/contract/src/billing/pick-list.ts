import { z } from "zod";
import type { Filter } from "../resource.ts";
import { identifier, name } from "../schema.ts";

/** What every pick-list entry has: archived ones stay where they are used and leave the list (m3ter semantics 2.6). */
export const pickListFields = {
  name,
  code: identifier.optional(),
  archived: z.boolean().default(false),
};

export const pickListFilters = {
  ids: { by: "id" },
  codes: { by: "code" },
  archived: { by: "archived" },
} as const satisfies Record<string, Filter>;
