import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Rules, Write } from "../rule.ts";

const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
};

const hasAKnownZone = async ({ document }: Write) => {
  const { timezone } = organizationConfig.fields.parse(document);
  if (isTimeZone(timezone)) return document;
  throw fieldProblem("RULE_VIOLATED", "timezone", `is not a time zone: ${timezone}`);
};

export const organizationConfigRules: Rules = { write: hasAKnownZone };
