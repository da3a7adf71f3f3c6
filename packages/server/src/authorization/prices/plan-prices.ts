import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { account } from "@turnpike/contract/accounts/account.ts";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { contract } from "@turnpike/contract/accounts/contract.ts";
import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { poolOf } from "@turnpike/engine/bill/hierarchy.ts";
import { spanStart } from "@turnpike/engine/bill/usage-windows.ts";
import { type Inheritable, pricingsOf } from "@turnpike/engine/bill/plan-inheritance.ts";
import { type BillingSchedule, servicePeriodAt } from "@turnpike/engine/time/bill-period.ts";
import type { OpenPeriod, Period } from "@turnpike/engine/time/period.ts";
import type { Database } from "../../ports/database.ts";
import type { UsageFilter } from "../../ports/usage-store.ts";
import { type AttachedPlan, loadAttachedPlans } from "../../records/attached-plans.ts";
import { activePeriod, localPeriod, scheduleOf, zoneOf } from "../../records/billing-schedule.ts";
import { lookup, lookupAll, lookupReferring } from "../../records/lookup.ts";
import { loadMetersOfFormulas } from "./formulas.ts";

type PricingRecord = Stored<typeof pricing>;
type AggregationRecord = Stored<typeof aggregation>;

/** A pricing of an account's plan, with what it takes to find its period. */
interface PlanPricing {
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

interface AccountKey {
  readonly orgId: string;
  readonly accountId: string;
}

/**
 * Every pricing that the account's calls may have, at any time: those of its plans, and those of its parent's plans, which
 * rate it together with the parent for products of which it has no plan itself (m3ter semantics 9.2, 14.2). A plan that
 * bills each child for itself (CHILD) rates them together all the same: only the sum is shared out.
 */
export const loadPlanPrices = async (
  database: Database,
  { orgId, accountId }: AccountKey,
): Promise<AnyPlanPrice[]> => {
  const config = await lookup(database, organizationConfig, { orgId, id: orgId });
  const owner = await lookup(database, account, { orgId, id: accountId });
  if (config === undefined || owner === undefined) return [];
  const own = await pricesOfAccount(database, config, owner);
  const prices = own.flatMap((attached) => attached.prices);
  const { parentAccountId: id } = owner;
  const parent = id === undefined ? undefined : await lookup(database, account, { orgId, id });
  if (parent === undefined) return prices;
  const child = {
    account: owner,
    plans: own.map(({ productId, schedule: { active } }) => ({ productId, active })),
  };
  const parents = await pricesOfAccount(database, config, parent);
  const pooled = parents.flatMap((attached) => {
    const { productId, schedule } = attached;
    const pool = poolOf({ active: schedule.active, productIds: [productId] }, [child]);
    const rated = pool.flatMap(({ periods }) => periods);
    return attached.prices.map((price) => ({ ...price, rated }));
  });
  return [...prices, ...pooled];
};

/** An account's plan with its prices. */
interface Attached {
  readonly productId: string;
  readonly schedule: BillingSchedule;
  readonly prices: readonly AnyPlanPrice[];
}

const pricesOfAccount = async (
  database: Database,
  config: Stored<typeof organizationConfig>,
  owner: Stored<typeof account>,
): Promise<Attached[]> => {
  const orgId = config.id;
  const attached = await lookupReferring(database, accountPlan, {
    orgId,
    field: "accountId",
    ids: [owner.id],
  });
  const plansOf = await loadAttachedPlans(database, orgId, attached);
  const plans = attached.flatMap(plansOf);
  const planIds = plans.map(({ plan }) => plan.id);
  const templateIds = plans.map(({ template }) => template.id);
  const pricings = [
    ...(await lookupReferring(database, pricing, { orgId, field: "planId", ids: planIds })),
    ...(await lookupReferring(database, pricing, {
      orgId,
      field: "planTemplateId",
      ids: templateIds,
    })),
  ];
  const aggregations = await lookupAll(database, aggregation, {
    orgId,
    ids: pricings.flatMap(({ aggregationId }) => aggregationId ?? []),
  });
  const contracts = await lookupAll(database, contract, {
    orgId,
    ids: attached.flatMap(({ contractId }) => contractId ?? []),
  });
  const formulas = await loadMetersOfFormulas(database, {
    orgId,
    ids: pricings.flatMap(({ compoundAggregationId }) => compoundAggregationId ?? []),
  });
  return attached.flatMap((attachment) => {
    const members = plansOf(attachment);
    // The members of a group share one frequency (m3ter semantics 9.3).
    const template = members[0]?.template;
    const schedule = scheduleOf(config, { owner, attachment, template });
    if (schedule === undefined) return [];
    const agreed = agreedIn(config, contracts.get(attachment.contractId ?? ""));
    return members.map((member): Attached => {
      const { currency, productId } = member.template;
      const rated = [schedule.active];
      const shared = { currency, productId, schedule, payer: owner.code, rated, agreed };
      const prices = pricesOf(member, pricings, { aggregations, formulas }).map((price) => ({
        ...shared,
        ...price,
        spansFrom: spanBegins(price, { schedule, agreed }),
      }));
      return { productId, schedule, prices };
    });
  });
};

/**
 * tiersSpanPlan: where a bill begins to count. By volume what a call costs depends on where its period began, which no one
 * ladder says: it begins with its period, and the close makes it what the bill says. Where later units are cheaper, it costs
 * too much until then.
 */
const spanBegins = (
  { pricing: { tiersSpanPlan, cumulative }, active }: Pick<PlanPricing, "pricing" | "active">,
  { schedule, agreed }: Pick<PlanPricing, "schedule" | "agreed">,
): Temporal.Instant | undefined => {
  if (!tiersSpanPlan || !cumulative) return undefined;
  return spanStart({ plan: schedule.active, pricing: active, limit: agreed?.limit });
};

const agreedIn = (
  config: Stored<typeof organizationConfig>,
  record: Stored<typeof contract> | undefined,
): Agreed | undefined => {
  if (record === undefined) return undefined;
  const { applyContractPeriodLimits, usageFilters: filters = [] } = record;
  if (!applyContractPeriodLimits && filters.length === 0) return undefined;
  const limit = applyContractPeriodLimits ? localPeriod(zoneOf(config), record) : undefined;
  return { contract: record, filters, limit };
};

/** What pricings may price, by id: a formula as the meters that it counts. */
interface Priced {
  readonly aggregations: ReadonlyMap<string, AggregationRecord>;
  readonly formulas: ReadonlyMap<string, readonly string[]>;
}

/** What a price has by itself, whoever's it is. */
type OwnTerms<Price extends AnyPlanPrice> = Pick<
  Price,
  "pricing" | "aggregation" | "meterIds" | "active"
>;

/** The plan's own and what its template's still cover. */
const pricesOf = (
  { plan, template }: AttachedPlan,
  pricings: readonly PricingRecord[],
  priced: Priced,
): (OwnTerms<PlanPrice> | OwnTerms<FormulaPrice>)[] => {
  const own = pricings.filter(({ planId }) => planId === plan.id);
  const inherited = pricings.filter(({ planTemplateId }) => planTemplateId === template.id);
  return pricingsOf(inheritable(own, priced), inheritable(inherited, priced)).map(
    ({ record, counted, meterIds, active }) => {
      const terms = { pricing: record, meterIds, active };
      return counted === undefined
        ? { ...terms, aggregation: undefined }
        : { ...terms, aggregation: counted };
    },
  );
};

/** What a plan's inheritance looks at, with the records that it is of. */
interface InheritedPricing extends Inheritable {
  readonly record: PricingRecord;
  /** Undefined of a formula. */
  readonly counted: AggregationRecord | undefined;
  readonly meterIds: readonly string[];
}

const inheritable = (
  records: readonly PricingRecord[],
  { aggregations, formulas }: Priced,
): InheritedPricing[] =>
  records.flatMap((record) => {
    const { segment, aggregationId = "", compoundAggregationId = "" } = record;
    const counted = aggregations.get(aggregationId);
    const meterIds =
      counted === undefined ? formulas.get(compoundAggregationId) : [counted.meterId];
    if (meterIds === undefined) return [];
    const priced =
      counted === undefined
        ? ({ type: "COMPOUND", id: compoundAggregationId } as const)
        : ({ type: "SIMPLE", id: counted.id } as const);
    const active = activePeriod(record);
    return [{ record, counted, meterIds, aggregation: priced, segment, active }];
  });

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
