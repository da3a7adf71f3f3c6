import { notification } from "@turnpike/contract/sync/notification.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { eventScope, readCalculation } from "../calculations.ts";
import type { Rules, Write } from "../rule.ts";

/** A rule fires always, or when its calculation holds (m3ter semantics 22). */
const saysWhenItFires = async ({ document }: Write) => {
  const { active, alwaysFireEvent, calculation = "" } = notification.fields.parse(document);
  if (calculation !== "") readCalculation("calculation", calculation, eventScope);
  if (active && !alwaysFireEvent && calculation === "") {
    const message = "is required when the notification is active and does not always fire";
    throw fieldProblem("RULE_VIOLATED", "calculation", message);
  }
  return document;
};

export const notificationRules: Rules = { write: saysWhenItFires };
