import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { integrationConfig } from "@turnpike/contract/sync/integration-config.ts";
import { lookupEvery } from "../../records/lookup.ts";
import type { Write } from "../rule.ts";

type Link = Stored<typeof integrationConfig>;

const ends = {
  notification: ({ entityType, entityId }: Link) => [entityType, entityId],
  webhook: ({ destination, destinationId }: Link) => [destination, destinationId],
} as const;

/** What an integration links stays while it does: from a notification to a webhook (m3ter semantics 22). */
export const staysWhileLinked =
  (kind: keyof typeof ends) =>
  async ({ transaction, orgId, id }: Omit<Write, "before">): Promise<void> => {
    const links = await lookupEvery(transaction, integrationConfig, orgId);
    const link = links.find((one) => {
      const [name, linked] = ends[kind](one);
      return name?.toLowerCase() === kind && linked?.toLowerCase() === id;
    });
    if (link === undefined) return;
    throw fieldProblem("RECORD_IN_USE", "id", `is linked by integrationConfig ${link.id}`);
  };
