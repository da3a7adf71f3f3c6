import { calculationFault, scopeOfEvent } from "../resources/calculations.ts";
import type { Handlers } from "./handler.ts";

/** Succeeds when the calculation is valid ([R], m3ter semantics 22) for the event that is named, or for some event. */
export const evaluateNotification: Handlers["evaluateNotification"] = async ({ body }) => {
  const errorMessage = calculationFault(body.calculation ?? "", scopeOfEvent(body.eventName ?? ""));
  return errorMessage === undefined ? { success: true } : { success: false, errorMessage };
};
