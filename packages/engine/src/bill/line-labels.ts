import type { AccountRef, BillTerms, PricingTerms } from "./facts.ts";
import { segmentValue } from "./segments.ts";
import type { PricedUsage } from "./usage-windows.ts";

/** The bill's own account is not named on its lines, a child is. */
export const childAccount = (terms: BillTerms, account: AccountRef): AccountRef | undefined =>
  account.id === terms.account.id ? undefined : account;

/** `Storage (UK, Standard)`: the aggregation's name and the segment's values in the order of its fields. */
export const segmentString = ({ aggregation, segment }: PricingTerms): string => {
  if (segment === undefined) return "";
  const fields = aggregation.segmentedFields ?? Object.keys(segment).sort();
  return fields.map((field) => segmentValue(segment, field) ?? "*").join(", ");
};

const usageDescription = (pricing: PricingTerms): string => {
  if (pricing.description !== undefined) return pricing.description;
  const { name } = pricing.aggregation;
  return pricing.segment === undefined ? name : `${name} (${segmentString(pricing)})`;
};

/** What every line about metered usage says besides its money. */
export const usageLabels = (terms: BillTerms, usage: PricedUsage) => {
  const { accountPlan, plan, pricing, window } = usage;
  const { aggregation } = pricing;
  const isSimple = aggregation.type === "SIMPLE";
  return {
    description: usageDescription(pricing),
    servicePeriod: window,
    unit: aggregation.unit,
    currency: plan.currency,
    product: plan.product,
    // Pricing > aggregation > the plan's product (m3ter semantics 6.7).
    accountingProduct: pricing.accountingProduct ?? aggregation.accountingProduct ?? plan.product,
    childAccount: childAccount(terms, accountPlan.account),
    accountPlanId: accountPlan.id,
    planId: plan.id,
    planGroupId: accountPlan.planGroup?.id,
    pricingId: pricing.id,
    aggregationId: isSimple ? aggregation.id : undefined,
    compoundAggregationId: isSimple ? undefined : aggregation.id,
    meterId: aggregation.meterId,
    contractId: accountPlan.contractId,
    segment: pricing.segment,
  };
};
