import { readEvent } from "../events/event-feed.ts";
import { calculationFault, scopeOfEvent } from "../resources/calculations.ts";
import type { Handlers } from "./handler.ts";

/** Succeeds when the calculation is valid for the event that is named, else for the event of the id, else for some event ([R], m3ter semantics 22). */
export const evaluateNotification: Handlers["evaluateNotification"] = async (
  { orgId, body },
  { database, now },
) => {
  const { eventId: id, eventName, calculation = "" } = body;
  const isOfId = eventName === undefined && id !== undefined;
  const event = isOfId ? await readEvent(database, { orgId, id, at: now() }) : { eventName };
  const errorMessage = calculationFault(calculation, scopeOfEvent(event.eventName ?? ""));
  return errorMessage === undefined ? { success: true } : { success: false, errorMessage };
};
