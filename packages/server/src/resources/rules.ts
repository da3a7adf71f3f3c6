import type { Rules } from "./rule.ts";
import { accountRules } from "./rules/account.ts";
import { accountPlanRules } from "./rules/account-plan.ts";
import { aggregationRules } from "./rules/aggregation.ts";
import { currencyRules } from "./rules/currency.ts";
import { meterRules } from "./rules/meter.ts";
import { organizationConfigRules } from "./rules/organization-config.ts";
import { permissionPolicyRules } from "./rules/permission-policy.ts";
import { planRules } from "./rules/plan.ts";
import { pricingRules } from "./rules/pricing.ts";
import { serviceUserRules } from "./rules/service-user.ts";

/** Behaviour by kind, for the kinds whose declaration does not say it all. */
export const rules: Readonly<Record<string, Rules>> = {
  account: accountRules,
  accountPlan: accountPlanRules,
  aggregation: aggregationRules,
  currency: currencyRules,
  meter: meterRules,
  organizationConfig: organizationConfigRules,
  permissionPolicy: permissionPolicyRules,
  plan: planRules,
  pricing: pricingRules,
  serviceUser: serviceUserRules,
};
