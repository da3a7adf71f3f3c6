import { dateFieldsOf } from "@turnpike/contract/event-fields.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { scheduledEventConfiguration } from "@turnpike/contract/sync/scheduled-event-configuration.ts";
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

export const scheduledEventConfigurationRules: Rules = { write: countsFromADate };
