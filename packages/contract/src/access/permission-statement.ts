import { z } from "zod";

/** Effect, actions and resources as the wire spells them: lower case, with a colon (m3ter semantics 1.3). */
export const permissionStatement = z.object({
  effect: z.enum(["allow", "deny"]),
  action: z.array(z.string().min(1)).min(1),
  resource: z.array(z.string().min(1)).min(1),
});
