import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import type { ChargeTerms, ContractTerms } from "@turnpike/engine/bill/facts.ts";
import { scaleOf } from "@turnpike/engine/bill/printing.ts";
import type { CommitmentTerms } from "@turnpike/engine/commitments/commitment.ts";
import { feesByCadence } from "@turnpike/engine/commitments/fees.ts";
import { decimal, one, zero } from "@turnpike/engine/exact/decimal.ts";
import type { RepeatingFrequency } from "@turnpike/engine/time/cadence.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import { anchorOf, localPeriod, repetitionOf } from "../records/billing-schedule.ts";
import { templateOf } from "./attachments.ts";
import { attachmentsOf, type BillingBook } from "./billing-book.ts";
import { exact, productRef } from "./plan-terms.ts";
import type { BalanceRecord, ChargeRecord, CommitmentRecord, ContractRecord } from "./snapshot.ts";

/** From stored commitments, balances, charges and contracts to their terms. */

export const contractTerms = (book: BillingBook, record: ContractRecord): ContractTerms => ({
  id: record.id,
  active: localPeriod(book.zone, record),
  applyContractPeriodLimits: record.applyContractPeriodLimits,
  usageFilters: record.usageFilters ?? [],
});

/** A fee, and the bill that it rides on. */
export interface BillableFee {
  readonly billDate: Temporal.PlainDate;
  readonly frequency: RepeatingFrequency | "AD_HOC";
  /** 0 for AD_HOC. */
  readonly interval: number;
  readonly amount: CommitmentTerms["amount"];
  readonly servicePeriod: Period;
}

const feesOnPlan = (book: BillingBook, record: CommitmentRecord): BillableFee[] => {
  const repetition = repetitionOf(templateOf(book, record.billingPlanId));
  const account = book.accounts.get(record.accountId);
  if (repetition === undefined || account === undefined) return [];
  const { frequency, interval } = repetition;
  const attached = attachmentsOf(book, account).find(
    ({ accountPlan }) => accountPlan.planId === record.billingPlanId,
  );
  const own = record.billEpoch ?? attached?.accountPlan.billEpoch;
  const anchor = anchorOf(book.config, { own, account: account.billEpoch }, frequency);
  const term = localPeriod(book.zone, record);
  return feesByCadence({
    amount: decimal(record.amount),
    amountPrePaid: exact(record.amountPrePaid),
    amountFirstBill: exact(record.amountFirstBill),
    interval: record.billingInterval ?? 1,
    offset: record.billingOffset ?? 0,
    billInAdvance: record.commitmentFeeBillInAdvance ?? book.config.commitmentFeeBillInAdvance,
    scale: scaleOf(book, record.currency),
    term,
    schedule: { cadence: { anchor, frequency, interval }, zone: book.zone, active: term },
  }).map((fee) => ({ ...fee, frequency, interval }));
};

/** Every fee of the commitment, by its schedule or on the cadence of its plan (m3ter semantics 15.7). */
export const feesOf = (book: BillingBook, record: CommitmentRecord): BillableFee[] => [
  ...feesOnPlan(book, record),
  ...(record.feeDates ?? []).map((fee) => ({
    billDate: Temporal.PlainDate.from(fee.date),
    frequency: "AD_HOC" as const,
    interval: 0,
    amount: decimal(fee.amount),
    servicePeriod: servicePeriod(fee),
  })),
];

export const servicePeriod = (record: {
  servicePeriodStartDate: string;
  servicePeriodEndDate: string;
}): Period => ({
  start: Temporal.Instant.from(record.servicePeriodStartDate),
  end: Temporal.Instant.from(record.servicePeriodEndDate),
});

/** Nothing spent and no fee due: those belong to a bill. */
export const commitmentTerms = (book: BillingBook, record: CommitmentRecord): CommitmentTerms => ({
  id: record.id,
  accountId: record.accountId,
  currency: record.currency,
  amount: decimal(record.amount),
  spentBefore: zero,
  period: localPeriod(book.zone, record),
  createdAt: Temporal.Instant.from(record.dtCreated),
  productIds: record.productIds ?? [],
  lineItemTypes: record.lineItemTypes ?? [],
  contractId: record.contractId,
  childBillingMode: record.childBillingMode,
  overageSurchargePercent: exact(record.overageSurchargePercent),
  separateOverageUsage: record.separateOverageUsage ?? false,
  feesDue: [],
  usageDescription: record.commitmentUsageDescription,
  feeDescription: record.commitmentFeeDescription,
  overageDescription: record.overageDescription,
  accountingProduct: productRef(book, record.accountingProductId),
  feesAccountingProduct: productRef(book, record.feesAccountingProductId),
  drawdownsAccountingProduct: productRef(book, record.drawdownsAccountingProductId),
});

/** With what was put in, and nothing drawn: what bills took belongs to a bill. */
export const balanceTerms = (book: BillingBook, record: BalanceRecord): BalanceTerms => ({
  id: record.id,
  accountId: record.accountId,
  currency: record.currency,
  period: {
    start: Temporal.Instant.from(record.startDate),
    end: Temporal.Instant.from(record.endDate),
  },
  rolloverAmount: exact(record.rolloverAmount),
  rolloverEnd:
    record.rolloverEndDate === undefined
      ? undefined
      : Temporal.Instant.from(record.rolloverEndDate),
  createdAt: Temporal.Instant.from(record.dtCreated),
  productIds: record.productIds ?? [],
  lineItemTypes: record.lineItemTypes ?? [],
  contractId: record.contractId,
  overageSurchargePercent: exact(record.overageSurchargePercent),
  isGrant: book.grantCurrencies.has(record.currency),
  allowOverdraft: (record.allowOverdraft ?? false) && book.config.allowNegativeBalances,
  drawDownDescription: record.balanceDrawDownDescription,
  overageDescription: record.overageDescription,
  consumptionsAccountingProduct: productRef(book, record.consumptionsAccountingProductId),
  feesAccountingProduct: productRef(book, record.feesAccountingProductId),
  transactions: (book.balanceEntries.get(record.id) ?? []).map(({ amount, appliedAt }) => ({
    amount: decimal(amount),
    appliedAt: Temporal.Instant.from(appliedAt),
  })),
});

export const chargeTerms = (book: BillingBook, record: ChargeRecord): ChargeTerms => ({
  id: record.id,
  name: record.name,
  lineItemType: record.lineItemType,
  currency: record.currency,
  units: record.amount === undefined ? decimal(record.units ?? 0) : one,
  unitPrice: decimal(record.amount ?? record.unitPrice ?? 0),
  billDate: record.billDate === undefined ? undefined : Temporal.PlainDate.from(record.billDate),
  servicePeriod: servicePeriod(record),
  description: record.description,
  balanceId: record.entityType === "BALANCE" ? record.entityId : undefined,
  contractId: record.contractId,
  accountingProduct: productRef(book, record.accountingProductId),
});
