import { z } from "zod";
import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";
import { flag, paging } from "../query.ts";

const available = "/organizations/{orgId}/integrationconfigs/available";
const mapping = "/organizations/{orgId}/externalmappingconfiguration";

/** What surrounds notifications, webhooks, integrations and mappings and is no verb (m3ter semantics 22). */
export const syncOperations = {
  evaluateNotification: {
    method: "POST",
    path: "/organizations/{orgId}/notifications/evaluate",
    noun: "Notification",
    summary: "Say whether a calculation can be the rule of a notification",
    body: z.object({
      eventId: z.string().optional(),
      eventName: z.string().optional(),
      calculation: z.string().optional(),
    }),
    access: "organization",
    permission: { action: "config:retrieve", on: "config:notification" },
  },
  activateWebhookDestination: {
    method: "PUT",
    path: "/organizations/{orgId}/integrationdestinations/webhooks/{id}/active",
    noun: "WebhookDestination",
    summary: "Switch a webhook destination on or off",
    query: z.object({ active: flag.default(true) }),
    ...permitted("config:update", "config:webhookDestination", "id"),
  },
  enableIntegrationConfig: {
    method: "POST",
    path: "/organizations/{orgId}/integrationconfigs/{id}/enable",
    noun: "IntegrationConfig",
    summary: "Switch an integration on again",
    ...permitted("config:update", "config:integrationConfig", "id"),
  },
  getIntegrationConfigOfEntity: {
    method: "GET",
    path: "/organizations/{orgId}/integrationconfigs/entity/{entityType}",
    noun: "IntegrationConfig",
    summary: "The integrations of a kind of entity, the newest in front",
    query: z.object({
      ...paging(200),
      entityId: z.string().optional(),
      destination: z.string().optional(),
      destinationId: z.string().optional(),
    }),
    ...permitted("config:retrieve", "config:integrationConfig"),
  },
  getAvailableIntegrations: {
    method: "GET",
    path: available,
    noun: "IntegrationConfig",
    summary: "What can be integrated with what",
    query: z.object({ systemName: z.string().optional(), entityType: z.string().optional() }),
    ...permitted("config:retrieve", "config:integrationConfig"),
  },
  listAvailableSystems: {
    method: "GET",
    path: `${available}/systems`,
    noun: "IntegrationConfig",
    summary: "The systems that can be integrated",
    query: z.object({ entityType: z.string().optional() }),
    ...permitted("config:retrieve", "config:integrationConfig"),
  },
  getAvailableAuthentication: {
    method: "GET",
    path: `${available}/{systemName}/auth/{entityType}`,
    noun: "IntegrationConfig",
    summary: "How a system wants to be authenticated with",
    ...permitted("config:retrieve", "config:integrationConfig"),
  },
  listAvailableEntities: {
    method: "GET",
    path: `${available}/{systemName}/entities`,
    noun: "IntegrationConfig",
    summary: "The entities that a system takes",
    ...permitted("config:retrieve", "config:integrationConfig"),
  },
  getConfigOptionValues: {
    method: "GET",
    path: "/organizations/{orgId}/integrationconfigs/values/{systemName}/{configOption}",
    noun: "IntegrationConfig",
    summary: "The values that an option of a system may have",
    ...permitted("config:retrieve", "config:integrationConfig"),
  },
  getExternalMappingConfiguration: {
    method: "GET",
    path: mapping,
    noun: "ExternalMapping",
    summary: "The entities and systems that mappings may name",
    ...permitted("config:retrieve", "config:externalMapping"),
  },
  listExternalEntities: {
    method: "GET",
    path: `${mapping}/values/{destination}/{entityType}`,
    noun: "ExternalMapping",
    summary: "What an external system offers to map to; nothing until it is connected",
    query: z.object({ externalTable: z.string().optional() }),
    ...permitted("config:retrieve", "config:externalMapping"),
  },
  listExternalEntitiesOfCredentials: {
    method: "GET",
    path: `${mapping}/values/{destination}/{entityType}/{integrationCredentialsId}`,
    noun: "ExternalMapping",
    summary: "The same, as one set of credentials sees it",
    query: z.object({ externalTable: z.string().optional() }),
    ...permitted("config:retrieve", "config:externalMapping"),
  },
} as const satisfies Record<string, Operation>;
