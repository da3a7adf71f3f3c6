import { z } from "zod";
import type { Document } from "../../ports/database.ts";
import type { Read, Rules } from "../rule.ts";
import { staysWhileLinked } from "./integration-link.ts";

const keyPair = z.object({
  credentials: z.object({ type: z.string(), name: z.string().optional(), apiKey: z.string() }),
});

/** Which key signs, without the secret. */
const withPublicCredentials = async ({
  reader,
  secrets,
  rows,
}: Read): Promise<Map<string, Document>> => {
  const shown = new Map<string, Document>();
  for (const { org_id: orgId, kind, id } of rows) {
    const secret = keyPair.safeParse(await secrets.find(reader, { orgId, kind, id }));
    if (!secret.success) continue;
    const destination = "WEBHOOK";
    const credentials = { id, ...secret.data.credentials, destination, destinationId: id };
    shown.set(id, { credentials });
  }
  return shown;
};

export const webhookDestinationRules: Rules = {
  compute: withPublicCredentials,
  remove: staysWhileLinked("webhook"),
};
