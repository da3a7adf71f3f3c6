import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { parseZone } from "@turnpike/engine/time/zone.ts";
import type { Rules, Write } from "../rule.ts";

const hasAKnownZone = async ({ document }: Write) => {
  const { timezone } = organizationConfig.fields.parse(document);
  if (parseZone(timezone) !== undefined) return document;
  throw fieldProblem("RULE_VIOLATED", "timezone", `is not a time zone: ${timezone}`);
};

export const organizationConfigRules: Rules = { write: hasAKnownZone };
