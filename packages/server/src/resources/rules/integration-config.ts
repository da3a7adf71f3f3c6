import { webhookDestination } from "@turnpike/contract/sync/webhook-destination.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { integrationConfig } from "@turnpike/contract/sync/integration-config.ts";
import { notification } from "@turnpike/contract/sync/notification.ts";
import type { Document } from "../../ports/database.ts";
import { lookup } from "../../records/lookup.ts";
import type { Read, Rules, Write } from "../rule.ts";

const linksAKnownNotification = async (
  { transaction, orgId }: Write,
  id: string | undefined,
): Promise<void> => {
  if (id === undefined || (await lookup(transaction, notification, { orgId, id }))) return;
  throw fieldProblem("REFERENCE_NOT_FOUND", "entityId", `names no notification: ${id}`);
};

/** A new link is enabled; what it links, notifications and webhooks, is there. A webhook's destination is one of ours (m3ter semantics 22). */
const linksAKnownDestination = async (write: Write) => {
  const { transaction, orgId, document } = write;
  const next = integrationConfig.fields.parse(document);
  const { entityType, entityId, destination, destinationId } = next;
  if (entityType.toUpperCase() === "NOTIFICATION") await linksAKnownNotification(write, entityId);
  if (destination.toUpperCase() === "WEBHOOK" && destinationId !== undefined) {
    const found = await lookup(transaction, webhookDestination, { orgId, id: destinationId });
    if (found === undefined) {
      const message = `names no webhookDestination: ${destinationId}`;
      throw fieldProblem("REFERENCE_NOT_FOUND", "destinationId", message);
    }
  }
  return { enabled: true, authorized: true, ...document };
};

/** Some routes answer with a run's schema, which asks for a status. */
const withStatus = async ({ rows }: Read): Promise<Map<string, Document>> =>
  new Map(
    rows.map(({ id, document }) => [
      id,
      { status: document["enabled"] === false ? "DISABLED" : "WAITING" },
    ]),
  );

export const integrationConfigRules: Rules = {
  write: linksAKnownDestination,
  compute: withStatus,
};
