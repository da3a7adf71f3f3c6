import { account } from "./accounts/account.ts";
import { accountPlan } from "./accounts/account-plan.ts";
import { currency } from "./accounts/currency.ts";
import { organizationConfig } from "./accounts/organization-config.ts";
import { aggregation } from "./catalog/aggregation.ts";
import { meter } from "./catalog/meter.ts";
import { plan } from "./catalog/plan.ts";
import { planTemplate } from "./catalog/plan-template.ts";
import { pricing } from "./catalog/pricing.ts";
import { product } from "./catalog/product.ts";
import type { Resource } from "./resource.ts";

/** Every resource of the API: what is not in this table is not served. */
export const resources: readonly Resource[] = [
  account,
  accountPlan,
  aggregation,
  currency,
  meter,
  organizationConfig,
  plan,
  planTemplate,
  pricing,
  product,
];
