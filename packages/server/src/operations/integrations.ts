import { Problem } from "@turnpike/contract/problem.ts";
import { integrationConfig } from "@turnpike/contract/sync/integration-config.ts";
import { webhookDestination } from "@turnpike/contract/sync/webhook-destination.ts";
import type { Handlers } from "./handler.ts";

export const activateWebhookDestination: Handlers["activateWebhookDestination"] = (
  { orgId, principal, params, query },
  { catalog },
) =>
  catalog.change({ orgId, principal }, async (writer) => {
    const fields = { active: query.active };
    const row = await writer.amend(webhookDestination, { id: params["id"] ?? "", fields });
    const [reply] = await catalog.replies(writer.transaction, webhookDestination, [row]);
    return reply;
  });

export const enableIntegrationConfig: Handlers["enableIntegrationConfig"] = (
  { orgId, principal, params },
  { catalog },
) =>
  catalog.change({ orgId, principal }, async (writer) => {
    const fields = { enabled: true };
    const row = await writer.amend(integrationConfig, { id: params["id"] ?? "", fields });
    const [reply] = await catalog.replies(writer.transaction, integrationConfig, [row]);
    return reply;
  });

/** The document answers with one entity's schema and yet pages: the newest one's fields stand beside the page. */
export const getIntegrationConfigOfEntity: Handlers["getIntegrationConfigOfEntity"] = async (
  { orgId, principal, params, query },
  { catalog },
) => {
  const { pageSize, nextToken, ...wanted } = query;
  const entityType = params["entityType"] ?? "";
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  const scope = { ...Object.fromEntries(given), entityType };
  const place = { resource: integrationConfig, caller: { orgId, principal }, scope };
  const page = await catalog.list(place, {
    pageSize: String(pageSize),
    ...(nextToken === undefined ? {} : { nextToken }),
  });
  const [first] = page.data;
  if (first === undefined) throw new Problem("NOT_FOUND");
  return { ...first, ...page };
};

/** What can be integrated with what: webhooks for notifications, as connectors come they join this table. */
const systems = {
  Webhook: {
    identifier: "Webhook",
    displayName: "Webhook",
    apiName: "WEBHOOK",
    authType: "M3TER_SIGNED_REQUEST",
    entities: ["Notification"],
  },
} as const;

const systemNamed = (name: string | undefined) =>
  Object.values(systems).filter(
    ({ identifier }) => name === undefined || identifier.toLowerCase() === name.toLowerCase(),
  );

const takes = (entityType: string | undefined) => (system: (typeof systems)["Webhook"]) =>
  entityType === undefined || system.entities.some((entity) => entity === entityType);

const noOptions = { empty: true };

export const listAvailableSystems: Handlers["listAvailableSystems"] = async ({ query }) =>
  systemNamed(undefined)
    .filter(takes(query.entityType))
    .map(({ identifier, displayName, authType }) => ({
      identifier,
      displayName,
      validationSupported: false,
      supportedAuthTypes: [authType],
    }));

export const getAvailableIntegrations: Handlers["getAvailableIntegrations"] = async ({ query }) => {
  const found = systemNamed(query.systemName).filter(takes(query.entityType));
  const destinations = found.map(({ apiName, identifier, displayName, authType }) => ({
    apiName,
    destination: identifier,
    displayName,
    destinationConfigOptions: noOptions,
    authConfigOptions: noOptions,
    released: true,
    authType,
    categories: [],
  }));
  const entities = [...new Set(found.flatMap((system) => system.entities))];
  const described = entities.map((readableName) => [
    readableName,
    { readableName, destinations, entityConfigurationOptions: noOptions, released: true },
  ]);
  return {
    supportedEntities: Object.fromEntries(described),
    selectedConfigurations: {},
    globalConfigurationOptions: noOptions,
  };
};

const knownSystem = (name: string | undefined): (typeof systems)["Webhook"] => {
  const [system] = systemNamed(name);
  if (name === undefined || system === undefined) throw new Problem("NOT_FOUND");
  return system;
};

export const getAvailableAuthentication: Handlers["getAvailableAuthentication"] = async ({
  params,
}) => {
  knownSystem(params["systemName"]);
  return noOptions;
};

export const listAvailableEntities: Handlers["listAvailableEntities"] = async ({ params }) =>
  knownSystem(params["systemName"]).entities.map((name) => ({ name, readableName: name }));

export const getConfigOptionValues: Handlers["getConfigOptionValues"] = async ({ params }) => {
  knownSystem(params["systemName"]);
  return {};
};
