import { orgUserInvitation } from "./access/org-user-invitation.ts";
import { orgUser } from "./access/org-user.ts";
import { permissionPolicy } from "./access/permission-policy.ts";
import { resourceGroupItem } from "./access/resource-group-item.ts";
import { resourceGroup } from "./access/resource-group.ts";
import { serviceUser } from "./access/service-user.ts";
import { support } from "./access/support.ts";
import { accountPlan } from "./accounts/account-plan.ts";
import { account } from "./accounts/account.ts";
import { contract } from "./accounts/contract.ts";
import { counterAdjustment } from "./accounts/counter-adjustment.ts";
import { currency } from "./accounts/currency.ts";
import { customField } from "./accounts/custom-field.ts";
import { organizationConfig } from "./accounts/organization-config.ts";
import { statementDefinition } from "./accounts/statement-definition.ts";
import { assetRate } from "./authorization/asset-rate.ts";
import { asset } from "./authorization/asset.ts";
import { autoTopUp } from "./authorization/auto-top-up.ts";
import { budget } from "./authorization/budget.ts";
import { concurrencyLimit } from "./authorization/concurrency-limit.ts";
import { rateLimit } from "./authorization/rate-limit.ts";
import { balanceChargeSchedule } from "./balances/balance-charge-schedule.ts";
import { balanceTransactionSchedule } from "./balances/balance-transaction-schedule.ts";
import { balanceTransaction } from "./balances/balance-transaction.ts";
import { balance } from "./balances/balance.ts";
import { billConfig } from "./billing/bill-config.ts";
import { billGroupingKey } from "./billing/bill-grouping-key.ts";
import { charge } from "./billing/charge.ts";
import { commitment } from "./billing/commitment.ts";
import { creditReason } from "./billing/credit-reason.ts";
import { debitReason } from "./billing/debit-reason.ts";
import { transactionType } from "./billing/transaction-type.ts";
import { aggregation } from "./catalog/aggregation.ts";
import { compoundAggregation } from "./catalog/compound-aggregation.ts";
import { counterPricing } from "./catalog/counter-pricing.ts";
import { counter } from "./catalog/counter.ts";
import { lookupTableRevision } from "./catalog/lookup-table-revision.ts";
import { lookupTable } from "./catalog/lookup-table.ts";
import { meter } from "./catalog/meter.ts";
import { planGroupLink } from "./catalog/plan-group-link.ts";
import { planGroup } from "./catalog/plan-group.ts";
import { planTemplate } from "./catalog/plan-template.ts";
import { plan } from "./catalog/plan.ts";
import { pricing } from "./catalog/pricing.ts";
import { product } from "./catalog/product.ts";
import { exportDestination } from "./sync/export-destination.ts";
import { exportSchedule } from "./sync/export-schedule.ts";
import { externalMapping } from "./sync/external-mapping.ts";
import { integrationConfig } from "./sync/integration-config.ts";
import { notification } from "./sync/notification.ts";
import { scheduledEventConfiguration } from "./sync/scheduled-event-configuration.ts";
import { webhookDestination } from "./sync/webhook-destination.ts";
import { backfill } from "./usage/backfill.ts";
import { usageSavedQuery } from "./usage/usage-saved-query.ts";
import type { Resource } from "./resource.ts";

/** Every resource of the API: what is not in this table is not served. */
export const resources: readonly Resource[] = [
  account,
  accountPlan,
  aggregation,
  asset,
  assetRate,
  autoTopUp,
  backfill,
  balance,
  balanceChargeSchedule,
  balanceTransaction,
  balanceTransactionSchedule,
  billConfig,
  billGroupingKey,
  budget,
  charge,
  commitment,
  compoundAggregation,
  concurrencyLimit,
  contract,
  counter,
  counterAdjustment,
  counterPricing,
  creditReason,
  currency,
  customField,
  debitReason,
  exportDestination,
  exportSchedule,
  externalMapping,
  integrationConfig,
  lookupTable,
  lookupTableRevision,
  meter,
  notification,
  orgUser,
  orgUserInvitation,
  organizationConfig,
  permissionPolicy,
  plan,
  planGroup,
  planGroupLink,
  planTemplate,
  pricing,
  product,
  rateLimit,
  resourceGroup,
  resourceGroupItem,
  scheduledEventConfiguration,
  serviceUser,
  statementDefinition,
  support,
  transactionType,
  usageSavedQuery,
  webhookDestination,
];
