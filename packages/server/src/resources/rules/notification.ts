import { isEventName } from "@turnpike/contract/event-fields.ts";
import { notification } from "@turnpike/contract/sync/notification.ts";
import { scheduledEventConfiguration } from "@turnpike/contract/sync/scheduled-event-configuration.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { readCalculation, scopeOfEvent } from "../calculations.ts";
import type { Rules, Write } from "../rule.ts";
import { staysWhileLinked } from "./integration-link.ts";

const isScheduledEvent = async ({ transaction, orgId }: Write, name: string): Promise<boolean> => {
  const found = await transaction
    .selectFrom("unique_value")
    .select("id")
    .where("org_id", "=", orgId)
    .where("kind", "=", scheduledEventConfiguration.kind)
    .where("field", "=", "name")
    .where("value", "=", name)
    .executeTakeFirst();
  return found !== undefined;
};

/** A rule waits for an event that there can be, and fires always or when its calculation holds (m3ter semantics 22). */
const saysWhenItFires = async (write: Write) => {
  const next = notification.fields.parse(write.document);
  const { eventName, active, alwaysFireEvent, calculation = "" } = next;
  if (!isEventName(eventName) && !(await isScheduledEvent(write, eventName))) {
    throw fieldProblem("RULE_VIOLATED", "eventName", `names no event: ${eventName}`);
  }
  if (calculation !== "") readCalculation("calculation", calculation, scopeOfEvent(eventName));
  if (active && !alwaysFireEvent && calculation === "") {
    const message = "is required when the notification is active and does not always fire";
    throw fieldProblem("RULE_VIOLATED", "calculation", message);
  }
  return write.document;
};

export const notificationRules: Rules = {
  write: saysWhenItFires,
  remove: staysWhileLinked("notification"),
};
