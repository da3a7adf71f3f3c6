import { calculationFault, eventScope } from "../resources/calculations.ts";
import type { Handlers } from "./handler.ts";

/** Succeeds when the calculation is valid ([R], m3ter semantics 22), whichever event it is meant for. */
export const evaluateNotification: Handlers["evaluateNotification"] = async ({ body }) => {
  const errorMessage = calculationFault(body.calculation ?? "", eventScope);
  return errorMessage === undefined ? { success: true } : { success: false, errorMessage };
};
