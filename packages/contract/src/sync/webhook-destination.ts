import { z } from "zod";
import { defineResource } from "../resource.ts";

const destinationUrl = z.url({ protocol: /^https?$/, error: "must be an http or https URL" });

/** Where webhooks go, and the key pair that signs them (m3ter semantics 22). */
export const webhookDestination = defineResource({
  kind: "webhookDestination",
  noun: "WebhookDestination",
  path: "integrationdestinations/webhooks",
  fields: z.object({
    name: z.string().min(1),
    description: z.string().min(1),
    code: z.string().optional(),
    active: z.boolean().default(true),
    url: destinationUrl,
    credentials: z.object({
      type: z.literal("M3TER_SIGNED_REQUEST"),
      name: z.string().optional(),
      apiKey: z.string().min(1),
      secret: z.string().min(1),
    }),
  }),
  pageSizeMax: 200,
  filters: { ids: { by: "id" } },
  references: {},
  secrets: ["credentials"],
  events: "configuration",
});
