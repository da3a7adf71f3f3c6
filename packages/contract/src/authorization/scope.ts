import { z } from "zod";
import { id } from "../schema.ts";
import { accountCode, actor } from "./exact.ts";

/**
 * Where a limit applies: every dimension that is named must equal the request's; none named is everywhere. One that is
 * not known is refused: without it the limit would apply to more than was meant.
 */
export const scope = z
  .strictObject({
    account: accountCode,
    subject: actor,
    agent: actor,
    key: actor,
    feature: actor,
    /** By its id, in lower case as requests have it. */
    product: id.toLowerCase(),
  })
  .partial();

export const scopeReferences = { "scope.product": "product" } as const;
