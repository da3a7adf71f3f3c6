import { chargedIngest } from "./charged-ingest.ts";
import type { Handlers } from "./handler.ts";
import { ingestRequestOf, refusedAlone, replyToIngest } from "./ingest-requests.ts";

export const submitMeasurements: Handlers["submitMeasurements"] = async (request, world) => {
  const { orgId } = request;
  const at = world.now();
  const outcome = refusedAlone(await chargedIngest(world, ingestRequestOf(request, at)));
  if (outcome.kind === "accepted") await world.failures.note({ orgId, at, rows: outcome.failures });
  return replyToIngest(outcome);
};
