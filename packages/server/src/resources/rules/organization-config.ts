import { currency } from "@turnpike/contract/accounts/currency.ts";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { parseZone } from "@turnpike/engine/time/zone.ts";
import { lookupCodes } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";

/** Its days begin where the calendar knows of, and its bills are in a currency that it has (m3ter semantics 6.6, 23). */
const billsInAKnownZoneAndCurrency = async ({ transaction, orgId, document }: Write) => {
  const { timezone, currency: code } = organizationConfig.fields.parse(document);
  if (parseZone(timezone) === undefined)
    throw fieldProblem("RULE_VIOLATED", "timezone", `is not a time zone: ${timezone}`);
  const [known] = await lookupCodes(transaction, currency, { orgId, codes: [code] });
  if (known !== undefined) return document;
  throw fieldProblem("REFERENCE_NOT_FOUND", "currency", `names no currency: ${code}`);
};

export const organizationConfigRules: Rules = { write: billsInAKnownZoneAndCurrency };
