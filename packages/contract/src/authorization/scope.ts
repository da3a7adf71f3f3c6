import { z } from "zod";
import { accountCode, actor } from "./exact.ts";

/** Where a limit applies: every dimension that is named must equal the request's; none named is everywhere. */
export const scope = z
  .object({
    account: accountCode,
    subject: actor,
    agent: actor,
    key: actor,
    feature: actor,
  })
  .partial();
