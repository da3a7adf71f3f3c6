import type { contract } from "@turnpike/contract/accounts/contract.ts";
import type { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import type { pricing } from "@turnpike/contract/catalog/pricing.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { type BillingSchedule, servicePeriodAt } from "@turnpike/engine/time/bill-period.ts";
import type { OpenPeriod, Period } from "@turnpike/engine/time/period.ts";
import type { UsageFilter } from "../../ports/usage-store.ts";

type PricingRecord = Stored<typeof pricing>;
type AggregationRecord = Stored<typeof aggregation>;

/** A pricing of an account's plan, with what it takes to find its period. */
export interface PlanPricing {
  readonly pricing: PricingRecord;
  /** When the pricing applies, less where the plan's own comes before its template's. */
  readonly active: OpenPeriod;
  /** The meters whose usage it prices. */
  readonly meterIds: readonly string[];
  readonly currency: string;
  readonly productId: string;
  readonly schedule: BillingSchedule;
  /** The code of the account whose plan it is: who is rated together with it shares its position. */
  readonly payer: string;
  /** When the plan rates the account's usage. */
  readonly rated: readonly OpenPeriod[];
  /** What of the usage the plan's contract leaves to it; undefined where that is all. */
  readonly agreed: Agreed | undefined;
  /** From where its units count on through all periods of the plan; undefined where each begins anew. */
  readonly spansFrom: Temporal.Instant | undefined;
}

/** What a contract says of which usage its plans rate (m3ter semantics 14.3). */
export interface Agreed {
  readonly contract: Stored<typeof contract>;
  readonly filters: readonly UsageFilter[];
  /** Undefined where the contract does not limit charges to its period. */
  readonly limit: Period | undefined;
}

/** A price of what one aggregation counts. */
export interface PlanPrice extends PlanPricing {
  readonly aggregation: AggregationRecord;
}

/** A price of what a formula makes of several aggregations, which is known when the period ends. */
export interface FormulaPrice extends PlanPricing {
  readonly aggregation: undefined;
}

export type AnyPlanPrice = PlanPrice | FormulaPrice;

export const isOfOneAggregation = (price: AnyPlanPrice): price is PlanPrice =>
  price.aggregation !== undefined;

/** What a price has by itself, whoever's it is. */
export type OwnTerms<Price extends AnyPlanPrice> = Pick<
  Price,
  "pricing" | "aggregation" | "meterIds" | "active"
>;

/** Half-open, in epoch milliseconds. */
export interface PricedPeriod {
  readonly start: number;
  readonly end: number;
}

/** Whether the price counts then: its own dates and those of the plan for the account. */
export const isActiveAt = ({ active, rated }: PlanPricing, at: number): boolean =>
  isWithin(active, at) && rated.some((period) => isWithin(period, at));

const isWithin = ({ start, end }: OpenPeriod, at: number): boolean =>
  start.epochMilliseconds <= at && (end === undefined || at < end.epochMilliseconds);

/** Whether the plan's contract keeps usage of that time off its bill. */
export const isBeyondContract = ({ agreed }: PlanPricing, at: number): boolean =>
  agreed?.limit !== undefined && !isWithin(agreed.limit, at);

/** The service period that contains the instant, at which the plan is active. */
export const periodAt = ({ schedule }: PlanPricing, at: number): PricedPeriod => {
  const { start, end } = servicePeriodAt(schedule, Temporal.Instant.fromEpochMilliseconds(at));
  return { start: start.epochMilliseconds, end: end.epochMilliseconds };
};

/**
 * One position per account of a plan, pricing, the contract that divides the usage, and what the bill rates together of it:
 * from where the period and the price have both begun, or from there on through all periods. Account codes are of any text,
 * so they come last.
 */
export const positionId = (
  { payer, pricing: { id }, active, agreed, spansFrom }: PlanPrice,
  { start }: PricedPeriod,
): string => {
  const of = agreed === undefined ? id : `${id}.${agreed.contract.id}`;
  const from =
    spansFrom === undefined
      ? Math.max(start, active.start.epochMilliseconds)
      : `${spansFrom.epochMilliseconds}-`;
  return `${of}@${from}/${payer}`;
};

/** The account whose lock covers a position. */
export const ownerOf = (position: string): string => position.slice(position.indexOf("/") + 1);
