import { dateFieldsOf } from "@turnpike/contract/event-fields.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { notification } from "@turnpike/contract/sync/notification.ts";
import { scheduledEventConfiguration } from "@turnpike/contract/sync/scheduled-event-configuration.ts";
import { lookupEvery } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";

/** An event counts from a date that its entity has (m3ter semantics 22). */
const countsFromADate = async ({ document }: Write) => {
  const { name, entity, field } = scheduledEventConfiguration.fields.parse(document);
  const dates = dateFieldsOf(entity);
  if (dates === undefined) throw fieldProblem("RULE_VIOLATED", "entity", `is none: ${entity}`);
  if (name.split(".")[1]?.toLowerCase() !== entity.toLowerCase()) {
    throw fieldProblem("RULE_VIOLATED", "name", `must be scheduled.${entity}.<name of the event>`);
  }
  if (dates.includes(field)) return document;
  throw fieldProblem("RULE_VIOLATED", "field", `must be a date of the entity: ${dates.join(", ")}`);
};

/** A notification is never left waiting for an event that there cannot be (m3ter semantics 22). */
const keepsNameWaitedFor = async (
  { transaction, orgId }: Pick<Write, "transaction" | "orgId">,
  { name, field }: { name: unknown; field: "name" | "id" },
): Promise<void> => {
  const waiting = (await lookupEvery(transaction, notification, orgId)).find(
    ({ eventName }) => eventName === name,
  );
  if (waiting === undefined) return;
  const message = `is waited for by notification ${waiting.id} (${waiting.name})`;
  throw fieldProblem("RECORD_IN_USE", field, message);
};

export const scheduledEventConfigurationRules: Rules = {
  write: async (write) => {
    const document = await countsFromADate(write);
    const was = write.before?.["name"];
    if (was !== document["name"]) await keepsNameWaitedFor(write, { name: was, field: "name" });
    return document;
  },
  remove: (write) => keepsNameWaitedFor(write, { name: write.document["name"], field: "id" }),
};
