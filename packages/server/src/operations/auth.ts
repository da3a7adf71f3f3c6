import { tokenSeconds } from "../access/tokens.ts";
import type { Handlers } from "./handler.ts";

/** The reply of m3ter semantics 1.1. */
export const generateToken: Handlers["generateToken"] = async (
  { orgId, principal, accessKey },
  { tokens },
) => ({
  access_token: await tokens.issue({ orgId, serviceUserId: principal, accessKey }),
  token_type: "Bearer",
  expires_in: tokenSeconds,
});
