import { parse } from "@turnpike/engine/calculation/parser.ts";
import { calculationFault } from "../resources/calculations.ts";
import type { Handlers } from "./handler.ts";

/** Succeeds when the calculation can be read ([R], m3ter semantics 22); the event's name outweighs its id. */
export const evaluateNotification: Handlers["evaluateNotification"] = async ({ body }) => {
  const parsing = parse(body.calculation ?? "");
  return parsing.ok
    ? { success: true }
    : { success: false, errorMessage: calculationFault(parsing.error) };
};
