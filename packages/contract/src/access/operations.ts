import { z } from "zod";
import type { Operation } from "../operation.ts";

export const accessOperations = {
  generateToken: {
    method: "POST",
    path: "/oauth/token",
    noun: "Auth",
    summary: "Exchange an access key and secret (HTTP Basic) for a bearer token",
    accepts: "json or form",
    body: z.object({ grant_type: z.literal("client_credentials"), scope: z.string().optional() }),
    access: "key",
  },
} as const satisfies Record<string, Operation>;
