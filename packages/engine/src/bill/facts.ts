/**
 * Everything a bill is made of, as plain data. Terms are what was agreed (plans, prices, dates);
 * facts are the terms plus what was measured and what earlier bills already took. Facts are stored
 * with the bill, so that it can be replayed: same facts, same bytes.
 */

import type { LookupAnswer } from "../calculation/lookup-answers.ts";
import type { BalanceTerms } from "../balances/balance.ts";
import type { CommitmentTerms } from "../commitments/commitment.ts";
import type { Decimal } from "../exact/decimal.ts";
import type { Ladder, PricingBand } from "../pricing/bands.ts";
import type { ProductRef } from "../pricing/product.ts";
import type { CurrencyConversion, CurrencyPolicy } from "../pricing/rounding.ts";
import type { UnitScale } from "../pricing/units.ts";
import type { NumberedPeriod } from "../time/bill-period.ts";
import type { Cadence } from "../time/cadence.ts";
import type { OpenPeriod, Period } from "../time/period.ts";
import type { Correction } from "./corrections.ts";

export type { ProductRef } from "../pricing/product.ts";

export interface AccountRef {
  readonly id: string;
  readonly code: string;
}

export type CreditKind = "PREPAYMENT" | "BALANCE";
export type ChildBillingMode = "PARENT_SUMMARY" | "PARENT_BREAKDOWN" | "CHILD";

export interface OrganizationTerms {
  /** As Temporal reads it: see `time/zone.ts`. */
  readonly zone: string;
  readonly creditApplicationOrder?: readonly CreditKind[] | undefined;
}

export interface AccountTerms extends AccountRef {
  readonly parentAccountId?: string | undefined;
  /** Whether other accounts name this one as their parent. */
  readonly hasChildren: boolean;
  readonly creditApplicationOrder?: readonly CreditKind[] | undefined;
}

export type AggregationMethod =
  | "SUM"
  | "MIN"
  | "MAX"
  | "COUNT"
  | "LATEST"
  | "MEAN"
  | "UNIQUE"
  | "CUSTOM_SQL";

export interface AggregationTerms extends UnitScale {
  readonly type: "SIMPLE" | "COMPOUND";
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  readonly meterId?: string | undefined;
  /** Absent for compound aggregations. */
  readonly method?: AggregationMethod | undefined;
  /** Stands in for the quantity when nothing was measured. */
  readonly defaultValue?: Decimal | undefined;
  /** The order in which a segment's values are named. */
  readonly segmentedFields?: readonly string[] | undefined;
  readonly accountingProduct?: ProductRef | undefined;
}

/** A way of measuring that is beyond m3ter's methods; it takes the place of the method beside it. */
export type Statistic =
  | { readonly kind: "PERCENTILE"; readonly percentile: Decimal }
  | { readonly kind: "TIME_WEIGHTED_SUM"; readonly unit: "SECOND" | "MINUTE" | "HOUR" | "DAY" }
  | { readonly kind: "PEAK_SUM"; readonly per: "HOUR" | "DAY" };

/** How a simple aggregation was measured: the version that was in force (m3ter semantics 6.1). */
export interface SimpleDefinition {
  readonly type: "SIMPLE";
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly code?: string | undefined;
  readonly meterId: string;
  readonly method: AggregationMethod;
  readonly targetField: string;
  readonly customSql?: string | undefined;
  readonly statistic?: Statistic | undefined;
  readonly segmentedFields?: readonly string[] | undefined;
  readonly segments?: readonly Readonly<Record<string, string>>[] | undefined;
  /** Stands in for the quantity in calculations when nothing was measured. */
  readonly defaultValue?: Decimal | undefined;
}

/** How a compound aggregation was calculated, from simple ones that stand beside it (m3ter semantics 7). */
export interface CompoundDefinition {
  readonly type: "COMPOUND";
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly code?: string | undefined;
  readonly calculation: string;
  readonly evaluateNullAggregations: boolean;
}

export type AggregationDefinition = SimpleDefinition | CompoundDefinition;

export interface MinimumSpendTerms {
  /** Per bill period, in the currency of the plan or group; above zero. */
  readonly amount: Decimal;
  readonly description?: string | undefined;
  readonly billInAdvance: boolean;
  readonly accountingProduct?: ProductRef | undefined;
}

export interface StandingChargeTerms {
  /** Per application, in the currency of the plan or group; above zero. */
  readonly amount: Decimal;
  readonly description?: string | undefined;
  /** Applied every `interval` bills, from bill number `offset` on. */
  readonly interval: number;
  readonly offset: number;
  readonly billInAdvance: boolean;
  readonly accountingProduct?: ProductRef | undefined;
}

export interface PricingTerms extends Ladder {
  readonly id: string;
  readonly version: number;
  readonly description?: string | undefined;
  readonly type: "DEBIT" | "PRODUCT_CREDIT" | "GLOBAL_CREDIT";
  readonly aggregation: AggregationTerms;
  readonly active: OpenPeriod;
  /** Set when one pricing applies in several separate periods: see `pricingsOf`. */
  readonly piece?: number | undefined;
  readonly segment?: Readonly<Record<string, string>> | undefined;
  readonly tiersSpanPlan: boolean;
  /** Empty when usage beyond a credit has no price list of its own. */
  readonly overageBands: readonly PricingBand[];
  readonly minimumSpend?: MinimumSpendTerms | undefined;
  readonly accountingProduct?: ProductRef | undefined;
}

export interface CounterRef {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
}

export interface CounterPricingTerms extends Ladder {
  readonly id: string;
  readonly version: number;
  readonly description?: string | undefined;
  readonly counter: CounterRef;
  readonly active: OpenPeriod;
  readonly runningTotalBillInAdvance: boolean;
  readonly proRateRunningTotal: boolean;
  readonly proRateAdjustmentDebit: boolean;
  readonly proRateAdjustmentCredit: boolean;
  readonly accountingProduct?: ProductRef | undefined;
}

/** A plan with its template's and the organization's defaults already resolved. */
export interface PlanTerms {
  readonly id: string;
  readonly name: string;
  readonly product: ProductRef;
  readonly currency: string;
  readonly standingCharge?: StandingChargeTerms | undefined;
  readonly minimumSpend?: MinimumSpendTerms | undefined;
  readonly pricings: readonly PricingTerms[];
  readonly counterPricings: readonly CounterPricingTerms[];
}

export interface PlanGroupTerms {
  readonly id: string;
  readonly name: string;
  readonly currency: string;
  readonly standingCharge?: StandingChargeTerms | undefined;
  readonly minimumSpend?: MinimumSpendTerms | undefined;
}

/** An account whose usage of one product is rated together with the plan's own account. */
export interface PoolMember {
  readonly account: AccountRef;
  readonly productId: string;
  readonly periods: readonly OpenPeriod[];
}

export interface AccountPlanTerms {
  readonly id: string;
  /** The account that is rated: the bill's own, or a child of it. */
  readonly account: AccountRef;
  readonly active: OpenPeriod;
  readonly cadence: Cadence;
  /** What this bill covers of the plan: see `billPeriods`. */
  readonly arrears?: NumberedPeriod | undefined;
  readonly advance?: NumberedPeriod | undefined;
  readonly childBillingMode: ChildBillingMode;
  readonly contractId?: string | undefined;
  readonly planGroup?: PlanGroupTerms | undefined;
  /** One plan, or the members of the group. */
  readonly plans: readonly PlanTerms[];
  readonly pool: readonly PoolMember[];
}

export interface UsageFilter {
  readonly dimensionCode: string;
  readonly value: string;
  readonly mode: "INCLUDE" | "EXCLUDE";
}

export interface ContractTerms {
  readonly id: string;
  readonly active: Period;
  readonly applyContractPeriodLimits: boolean;
  readonly usageFilters: readonly UsageFilter[];
}

/** The new absolute value of a counter from the start of that day on. */
export interface CounterAdjustment {
  readonly accountId: string;
  readonly counterId: string;
  readonly date: Temporal.PlainDate;
  readonly value: Decimal;
}

/** An ad-hoc charge of the account, or a fee for one of its balances (m3ter semantics 17). */
export interface ChargeTerms {
  readonly id: string;
  readonly name: string;
  readonly lineItemType: "AD_HOC" | "BALANCE_FEE";
  readonly currency: string;
  /** What is charged: units × unitPrice; a stated amount is one unit of it. Below zero a credit. */
  readonly units: Decimal;
  readonly unitPrice: Decimal;
  /** Absent: the next bill. */
  readonly billDate?: Temporal.PlainDate | undefined;
  readonly servicePeriod: Period;
  readonly description?: string | undefined;
  readonly balanceId?: string | undefined;
  readonly contractId?: string | undefined;
  readonly accountingProduct?: ProductRef | undefined;
}

/** A line that somebody added by hand (m3ter semantics 18.8); it survives every recalculation. */
export interface MemoTerms {
  readonly id: string;
  readonly lineItemType: "CREDIT_MEMO" | "DEBIT_MEMO";
  /** Above zero, in the billing currency; a credit is subtracted. */
  readonly amount: Decimal;
  readonly description: string;
  readonly servicePeriod: Period;
  readonly product?: ProductRef | undefined;
  readonly accountingProduct?: ProductRef | undefined;
  readonly referencedBillId?: string | undefined;
  readonly referencedLineItemId?: string | undefined;
  readonly reasonId?: string | undefined;
}

export interface BillTerms {
  readonly organization: OrganizationTerms;
  readonly account: AccountTerms;
  readonly billDate: Temporal.PlainDate;
  /** The billing currency: the account's, else the organization's. */
  readonly currency: string;
  /** Policies of every currency that the terms name. */
  readonly currencies: readonly CurrencyPolicy[];
  readonly conversions: readonly CurrencyConversion[];
  readonly accountPlans: readonly AccountPlanTerms[];
  /** Of every price of the account plans, and what their calculations name. */
  readonly aggregations: readonly AggregationDefinition[];
  readonly contracts: readonly ContractTerms[];
  readonly counterAdjustments: readonly CounterAdjustment[];
  /** Of this account and, where their lines stand on this bill, of its children. */
  readonly commitments: readonly CommitmentTerms[];
  readonly balances: readonly BalanceTerms[];
  readonly charges: readonly ChargeTerms[];
  readonly memos: readonly MemoTerms[];
  /** What this bill puts right on approved ones: see `corrections.ts`. */
  readonly corrections: readonly Correction[];
}

/** What the calculation of a compound aggregation was given (m3ter semantics 7). */
export interface CompoundInputs {
  /** Quantities by code, or their defaults. */
  readonly aggregations: Readonly<Record<string, Decimal | null>>;
  /** By the name that the calculation knows them by. */
  readonly customFields: Readonly<Record<string, string | number>>;
  readonly lookups: readonly LookupAnswer[];
}

/** The answer to one usage window. */
export interface UsageQuantity {
  /** Null when nothing was measured. */
  readonly quantity: Decimal | null;
  /** Why there is no answer. */
  readonly error?: string | undefined;
  /** Of a compound aggregation. */
  readonly inputs?: CompoundInputs | undefined;
}

export interface BillFacts extends BillTerms {
  /** By the key of the usage window. */
  readonly quantities: Readonly<Record<string, UsageQuantity>>;
  /**
   * Subtotals of lines that earlier bills charged in advance, by line key, their corrections (by
   * `correctedLineKey`) added: see `advanceLineKeys`.
   */
  readonly billedInAdvance: Readonly<Record<string, Decimal>>;
}
