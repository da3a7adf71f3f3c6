import { account } from "@turnpike/contract/accounts/account.ts";
import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { currency } from "@turnpike/contract/accounts/currency.ts";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import { product } from "@turnpike/contract/catalog/product.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import { lookup, lookupAll, lookupEvery, lookupReferring } from "../records/lookup.ts";

export type AccountRecord = Stored<typeof account>;
export type AccountPlanRecord = Stored<typeof accountPlan>;
export type PlanRecord = Stored<typeof plan>;
export type PlanTemplateRecord = Stored<typeof planTemplate>;
export type PricingRecord = Stored<typeof pricing>;
export type AggregationRecord = Stored<typeof aggregation>;
export type ProductRecord = Stored<typeof product>;
export type ConfigRecord = Stored<typeof organizationConfig>;
export type CurrencyRecord = Stored<typeof currency>;

/** Everything configured that the bills of some accounts can depend on, as it stands at one moment. */
export interface Snapshot {
  readonly orgId: string;
  readonly config: ConfigRecord;
  readonly currencies: readonly CurrencyRecord[];
  readonly accounts: ReadonlyMap<string, AccountRecord>;
  readonly accountPlans: readonly AccountPlanRecord[];
  readonly plans: ReadonlyMap<string, PlanRecord>;
  readonly planTemplates: ReadonlyMap<string, PlanTemplateRecord>;
  readonly pricings: readonly PricingRecord[];
  readonly aggregations: ReadonlyMap<string, AggregationRecord>;
  readonly products: ReadonlyMap<string, ProductRecord>;
}

const present = (ids: Iterable<string | undefined>): string[] => [
  ...new Set([...ids].filter((id): id is string => id !== undefined)),
];

/** A dozen queries, however many accounts. */
export const takeSnapshot = async (
  reader: Database | DatabaseTransaction,
  orgId: string,
  accountIds: readonly string[],
): Promise<Snapshot> => {
  const config = await lookup(reader, organizationConfig, { orgId, id: orgId });
  if (config === undefined) throw new Error(`organization ${orgId} has no configuration`);
  const accounts = await lookupAll(reader, account, { orgId, ids: accountIds });
  const attached = { orgId, field: "accountId", ids: accountIds };
  const accountPlans = await lookupReferring(reader, accountPlan, attached);
  const planIds = present(accountPlans.map(({ planId }) => planId));
  const plans = await lookupAll(reader, plan, { orgId, ids: planIds });
  const templateIds = present([...plans.values()].map(({ planTemplateId }) => planTemplateId));
  const planTemplates = await lookupAll(reader, planTemplate, { orgId, ids: templateIds });
  const pricings = [
    ...(await lookupReferring(reader, pricing, { orgId, field: "planId", ids: planIds })),
    ...(await lookupReferring(reader, pricing, {
      orgId,
      field: "planTemplateId",
      ids: templateIds,
    })),
  ];
  const aggregationIds = present(pricings.map(({ aggregationId }) => aggregationId));
  const aggregations = await lookupAll(reader, aggregation, { orgId, ids: aggregationIds });
  const productIds = present([
    ...[...planTemplates.values()].map(({ productId }) => productId),
    ...[...plans.values()].map((one) => one.standingChargeAccountingProductId),
    ...[...plans.values()].map((one) => one.minimumSpendAccountingProductId),
    ...pricings.map(({ accountingProductId }) => accountingProductId),
    ...[...aggregations.values()].map(({ accountingProductId }) => accountingProductId),
  ]);
  return {
    orgId,
    config,
    currencies: await lookupEvery(reader, currency, orgId),
    accounts,
    accountPlans,
    plans,
    planTemplates,
    pricings,
    aggregations,
    products: await lookupAll(reader, product, { orgId, ids: productIds }),
  };
};
