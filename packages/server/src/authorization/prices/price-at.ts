import type { BillingSchedule } from "@turnpike/engine/time/bill-period.ts";
import type { OpenPeriod } from "@turnpike/engine/time/period.ts";
import type { CallPrice } from "./call-prices.ts";
import type { AnyTime, MeterPrice, PricedCount } from "./meter-price.ts";
import {
  type AnyPlanPrice,
  isActiveAt,
  isBeyondContract,
  isOfOneAggregation,
  periodAt,
  type PlanPrice,
  positionId,
  type PricedPeriod,
} from "./plan-prices.ts";

/** One of an account's prices for a meter. */
export interface PreparedPrice {
  readonly plan: AnyPlanPrice;
  /** Undefined of a formula, which prices no one call. */
  readonly call: CallPrice | undefined;
}

/** The account's prices for a meter. */
export interface PreparedPrices extends AnyTime {
  /** In the same order for every call. */
  readonly prices: readonly PreparedPrice[];
  /** The ids of the accounts whose records say so. */
  readonly owners: readonly string[];
  /** What they said last. */
  last: Standing | undefined;
}

/** What prices say at each time of `from` ≤ t < `until`, in epoch milliseconds. */
interface Standing {
  readonly price: MeterPrice;
  readonly from: number;
  readonly until: number;
}

export const preparedOf = (
  prices: readonly PreparedPrice[],
  owners: readonly string[],
  anyTime: AnyTime,
): PreparedPrices => ({
  ...anyTime,
  owners,
  prices: prices.toSorted((a, b) => (a.plan.pricing.id < b.plan.pricing.id ? -1 : 1)),
  last: undefined,
});

/** What the prices say at a time. It is worked out again only where one of them begins or ends, or a period of one does. */
export const priceAt = (prepared: PreparedPrices, meter: string, at: number): MeterPrice => {
  const { last } = prepared;
  if (last !== undefined && last.from <= at && at < last.until) return last.price;
  const standing = standingAt(prepared, meter, at);
  prepared.last = standing;
  return standing.price;
};

const standingAt = (prepared: PreparedPrices, meter: string, at: number): Standing => {
  const open = openAt(prepared.prices, at);
  const plans = prepared.prices.flatMap(({ plan: { active, rated, agreed } }) => [
    active,
    ...rated,
    ...(agreed?.limit === undefined ? [] : [agreed.limit]),
  ]);
  const edges = [
    ...plans.flatMap(edgesOf),
    ...open.flatMap(({ period }) => [period.start, period.end]),
  ];
  return {
    price: priceOfOpen(prepared, open, { meter, at }),
    from: Math.max(...edges.filter((edge) => edge <= at)),
    until: Math.min(...edges.filter((edge) => edge > at)),
  };
};

const edgesOf = ({ start, end }: OpenPeriod): number[] =>
  end === undefined ? [start.epochMilliseconds] : [start.epochMilliseconds, end.epochMilliseconds];

const unpriced = (
  why: string,
  { plans, ...anyTime }: AnyTime & { readonly plans: readonly AnyPlanPrice[] },
): MeterPrice => ({
  ...anyTime,
  kind: "unpriced",
  why,
  currencies: [...new Set(plans.map(({ currency }) => currency))],
  productId: plans[0]?.productId,
});

/**
 * Prices that add up event by event can be decided by, one or several. Those of aggregations that do not add up are only
 * known when the period ends: such calls name their amount.
 */
const priceOfOpen = (
  { filterFields, hasFixedPrice }: AnyTime,
  open: readonly OpenPrice[],
  { meter, at }: { readonly meter: string; readonly at: number },
): MeterPrice => {
  const plans = open.map(({ price }) => price.plan);
  const known = { plans, filterFields, hasFixedPrice };
  const parts: PricedCount[] = [];
  for (const { price, period } of open) {
    const { plan, call } = price;
    if (!isOfOneAggregation(plan) || call === undefined)
      return unpriced(`a formula prices ${meter}`, known);
    const { aggregation: counted } = plan;
    const { counts } = call.kept;
    if (counts === null)
      return unpriced(`${counted.aggregation} does not add up event by event`, known);
    const { ofSegment } = call;
    const shared = { counts, unit: counted.unit, periodStart: period.start, ofSegment };
    parts.push({ ...shared, ...placeOf({ plan, call }, period, at) });
  }
  const [first, ...further] = parts;
  const [plan] = plans;
  if (first === undefined || plan === undefined)
    return unpriced(`no plan of the account prices ${meter}`, known);
  const { currency, productId } = plan;
  if (plans.some((each) => each.currency !== currency))
    return unpriced(`the prices of ${meter} are in several currencies`, known);
  const all = [first, ...further] as const;
  return { kind: "priced", currency, productId, filterFields, hasFixedPrice, parts: all };
};

/** What the usage costs then, from where, and what it does instead where filters do not let it through. */
const placeOf = (
  { plan, call }: { readonly plan: PlanPrice; readonly call: CallPrice },
  period: PricedPeriod,
  at: number,
): Pick<PricedCount, "tariff" | "position" | "unlessPassed"> => {
  const { tariff } = call.kept;
  const { free } = call;
  const position = positionId(plan, period);
  if (free === undefined || plan.agreed === undefined)
    return { tariff, position, unlessPassed: undefined };
  const unbilled = { tariff: free, position: `free.${position}` };
  if (isBeyondContract(plan, at)) return { ...unbilled, unlessPassed: undefined };
  const { filters } = plan.agreed;
  const unlessPassed = filters.length === 0 ? undefined : { ...unbilled, filters };
  return { tariff, position, unlessPassed };
};

interface OpenPrice {
  readonly price: PreparedPrice;
  readonly period: PricedPeriod;
}

/** Those in force, each in its period, which all prices of a plan share. */
const openAt = (prices: readonly PreparedPrice[], at: number): OpenPrice[] => {
  const periods = new Map<BillingSchedule, PricedPeriod>();
  return prices.flatMap((price) => {
    const { plan } = price;
    if (plan.pricing.type !== "DEBIT" || !isActiveAt(plan, at)) return [];
    const period = periods.get(plan.schedule) ?? periodAt(plan, at);
    periods.set(plan.schedule, period);
    return [{ price, period }];
  });
};
