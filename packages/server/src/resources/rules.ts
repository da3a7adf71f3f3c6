import type { Rules } from "./rule.ts";
import { accountPlanRules } from "./rules/account-plan.ts";
import { accountRules } from "./rules/account.ts";
import { aggregationRules } from "./rules/aggregation.ts";
import { assetRateRules } from "./rules/asset-rate.ts";
import { assetRules } from "./rules/asset.ts";
import { autoTopUpRules } from "./rules/auto-top-up.ts";
import { backfillRules } from "./rules/backfill.ts";
import { balanceChargeScheduleRules } from "./rules/balance-charge-schedule.ts";
import { balanceTransactionScheduleRules } from "./rules/balance-transaction-schedule.ts";
import { balanceTransactionRules } from "./rules/balance-transaction.ts";
import { balanceRules } from "./rules/balance.ts";
import { billConfigRules } from "./rules/bill-config.ts";
import { budgetRules } from "./rules/budget.ts";
import { chargeRules } from "./rules/charge.ts";
import { commitmentRules } from "./rules/commitment.ts";
import { compoundAggregationRules } from "./rules/compound-aggregation.ts";
import { concurrencyLimitRules } from "./rules/concurrency-limit.ts";
import { contractRules } from "./rules/contract.ts";
import { counterPricingRules } from "./rules/counter-pricing.ts";
import { counterRules } from "./rules/counter.ts";
import { currencyRules } from "./rules/currency.ts";
import { exportScheduleRules } from "./rules/export-schedule.ts";
import { externalMappingRules } from "./rules/external-mapping.ts";
import { integrationConfigRules } from "./rules/integration-config.ts";
import { lookupTableRevisionRules } from "./rules/lookup-table-revision.ts";
import { lookupTableRules } from "./rules/lookup-table.ts";
import { meterRules } from "./rules/meter.ts";
import { notificationRules } from "./rules/notification.ts";
import { organizationConfigRules } from "./rules/organization-config.ts";
import { permissionPolicyRules } from "./rules/permission-policy.ts";
import { planGroupLinkRules } from "./rules/plan-group-link.ts";
import { planGroupRules } from "./rules/plan-group.ts";
import { planTemplateRules } from "./rules/plan-template.ts";
import { planRules } from "./rules/plan.ts";
import { resourceGroupRules, serviceUserRules } from "./rules/policy-holders.ts";
import { pricingRules } from "./rules/pricing.ts";
import { productRules } from "./rules/product.ts";
import { resourceGroupItemRules } from "./rules/resource-group-item.ts";
import { scheduledEventConfigurationRules } from "./rules/scheduled-event-configuration.ts";
import { statementDefinitionRules } from "./rules/statement-definition.ts";
import { usageSavedQueryRules } from "./rules/usage-saved-query.ts";
import { webhookDestinationRules } from "./rules/webhook-destination.ts";

/** Behaviour by kind, for the kinds whose declaration does not say it all. */
export const rules: Readonly<Record<string, Rules>> = {
  account: accountRules,
  accountPlan: accountPlanRules,
  aggregation: aggregationRules,
  asset: assetRules,
  assetRate: assetRateRules,
  autoTopUp: autoTopUpRules,
  backfill: backfillRules,
  balance: balanceRules,
  balanceChargeSchedule: balanceChargeScheduleRules,
  balanceTransaction: balanceTransactionRules,
  balanceTransactionSchedule: balanceTransactionScheduleRules,
  billConfig: billConfigRules,
  budget: budgetRules,
  charge: chargeRules,
  commitment: commitmentRules,
  compoundAggregation: compoundAggregationRules,
  concurrencyLimit: concurrencyLimitRules,
  contract: contractRules,
  counter: counterRules,
  counterPricing: counterPricingRules,
  currency: currencyRules,
  exportSchedule: exportScheduleRules,
  externalMapping: externalMappingRules,
  integrationConfig: integrationConfigRules,
  lookupTable: lookupTableRules,
  lookupTableRevision: lookupTableRevisionRules,
  meter: meterRules,
  notification: notificationRules,
  organizationConfig: organizationConfigRules,
  permissionPolicy: permissionPolicyRules,
  plan: planRules,
  planGroup: planGroupRules,
  planGroupLink: planGroupLinkRules,
  planTemplate: planTemplateRules,
  pricing: pricingRules,
  product: productRules,
  resourceGroup: resourceGroupRules,
  resourceGroupItem: resourceGroupItemRules,
  scheduledEventConfiguration: scheduledEventConfigurationRules,
  serviceUser: serviceUserRules,
  statementDefinition: statementDefinitionRules,
  usageSavedQuery: usageSavedQueryRules,
  webhookDestination: webhookDestinationRules,
};
