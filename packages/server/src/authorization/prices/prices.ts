import type { Pool } from "pg";
import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { isNumericCategory, type meter } from "@turnpike/contract/catalog/meter.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Tariff } from "@turnpike/engine/ledger/price.ts";
import type { Database } from "../../ports/database.ts";
import { isReferred, lookupReferring } from "../../records/lookup.ts";
import { createCache } from "../cache.ts";
import type { KeptRecords } from "../kept-records.ts";
import { type Formula, loadFormulas } from "./formulas.ts";
import { createMeters, type Meters } from "./meters.ts";
import type { AnyTime, Counting, MeterPrice, PricedCount } from "./meter-price.ts";
import {
  createKeptPrices,
  freeOf,
  type KeptPrice,
  quantityRule,
  storedPrice,
} from "./kept-prices.ts";
import {
  type AnyPlanPrice,
  isActiveAt,
  isBeyondContract,
  isOfOneAggregation,
  loadPlanPrices,
  periodAt,
  positionId,
  type PlanPrice,
  type PricedPeriod,
} from "./plan-prices.ts";
import { createRanks, type OfSegment, segmentPriced } from "./segmented-usage.ts";

export interface Subject {
  readonly orgId: string;
  readonly account: string;
  readonly accountId: string;
  readonly meter: string;
}

export interface Prices {
  readonly usage: (orgId: string, meter: string) => Promise<MeterUsage>;
  readonly at: (subject: Subject, at: number) => Promise<MeterPrice>;
  /** Every price of the account that has a position, at any time. */
  readonly plansOf: (owner: Pick<Subject, "orgId" | "accountId">) => Promise<readonly PlanPrice[]>;
  /** The tariffs of an earlier decision, in order, whatever the plan says by now; none where one is unknown. */
  readonly version: (orgId: string, version: string) => Promise<readonly KeptPrice[]>;
  readonly meter: Meters["find"];
  readonly keptMeter: Meters["findKept"];
  readonly announce: (change: { orgId: string; kind: string }) => void;
}

/** Changes of records of these kinds change prices. */
const kinds: ReadonlySet<string> = new Set([
  "account",
  "accountPlan",
  "aggregation",
  "compoundAggregation",
  "contract",
  "meter",
  "organizationConfig",
  "plan",
  "planGroupLink",
  "planTemplate",
  "pricing",
]);

/** How long another server may still price by a plan that was changed here, if it does not hear of it. */
const rememberedMs = 5_000;

interface Parts {
  readonly database: Database;
  readonly pool: Pool;
  readonly keptRecords: KeptRecords;
  readonly now: () => number;
}

/** The account's prices for a meter. */
interface PreparedPrices extends AnyTime {
  readonly prices: readonly PreparedPrice[];
}

/** One of them, with its tariff made and its last period remembered. */
interface PreparedPrice {
  readonly plan: AnyPlanPrice;
  /** Undefined of a formula, which prices no one call. */
  readonly kept: KeptPrice | undefined;
  /** Of usage that the plan's contract keeps off the bill; undefined where it keeps none. */
  readonly free: Tariff | undefined;
  readonly ofSegment: OfSegment | undefined;
  period: PricedPeriod | undefined;
}

const ofFormula = {
  kept: undefined,
  free: undefined,
  ofSegment: undefined,
  period: undefined,
} as const;

/** What is known of a meter whoever uses it. */
export interface MeterUsage {
  /** How it is counted: by the aggregations that add up, oldest first. */
  readonly countings: readonly Counting[];
  /** Whether a measurement of what is less, in the same segments, takes usage back however the meter aggregates it. */
  readonly addsUp: boolean;
  /** What tells the segments of any aggregation apart. */
  readonly segmentFields: readonly string[];
  /** Whether anything prices it, for whatever account. */
  readonly isPriced: boolean;
}

export const createPrices = ({ database, pool, keptRecords, now }: Parts): Prices => {
  const plans = createCache<AnyPlanPrice[]>({ now, rememberedMs, max: 50_000 });
  const prepared = createCache<PreparedPrices>({ now, rememberedMs, max: 50_000 });
  const meters = createMeters({ database, keptRecords, now, rememberedMs });
  const versions = createKeptPrices(pool, now);
  const usages = createCache<MeterUsage>({ now, rememberedMs, max: 10_000 });
  const formulas = createCache<Formula[]>({ now, rememberedMs, max: 1_000 });
  const formulasOf = (orgId: string) => formulas.get(orgId, () => loadFormulas(database, orgId));
  const usageOf = (orgId: string, code: string): Promise<MeterUsage> =>
    usages.get(`${orgId} ${code}`, async () =>
      loadMeterUsage({ database, formulasOf }, orgId, await meters.find(orgId, code)),
    );

  const pricesOf = ({ orgId, accountId }: Pick<Subject, "orgId" | "accountId">) =>
    plans.get(`${orgId} ${accountId}`, () => loadPlanPrices(database, { orgId, accountId }));

  const prepare = async (subject: Subject): Promise<PreparedPrices> => {
    const { orgId } = subject;
    const ranksOf = createRanks();
    const found = await meters.find(orgId, subject.meter);
    const all = await pricesOf(subject);
    const own = all.filter(({ meterIds }) => found !== undefined && meterIds.includes(found.id));
    const prices = await Promise.all(
      own.map(async (plan): Promise<PreparedPrice[]> => {
        if (!isOfOneAggregation(plan)) return [{ plan, ...ofFormula }];
        const ofSegment = segmentPriced(plan, ranksOf);
        if (ofSegment === "none") return [];
        const price = storedPrice(plan);
        const version = `${plan.pricing.id}@${plan.pricing.version}.${plan.aggregation.version}`;
        const kept = await versions.keep(orgId, version, price);
        const free =
          plan.agreed === undefined
            ? undefined
            : (await versions.keep(orgId, `${version}.free`, freeOf(price))).tariff;
        return [{ plan, kept, free, ofSegment, period: undefined }];
      }),
    );
    const hasFixedPrice = own.some(({ pricing: { pricingBands } }) =>
      pricingBands.some(({ lowerLimit, fixedPrice }) => lowerLimit === 0 && fixedPrice !== 0),
    );
    return {
      prices: prices.flat().toSorted(byPricing),
      filterFields: filterFieldsOf(found, own),
      hasFixedPrice,
    };
  };

  return {
    meter: meters.find,
    keptMeter: meters.findKept,
    plansOf: async (owner) => (await pricesOf(owner)).filter(isOfOneAggregation),
    usage: usageOf,
    at: async (subject, at) => {
      const key = `${subject.orgId} ${subject.accountId} ${subject.meter}`;
      return priceAt(await prepared.get(key, () => prepare(subject)), subject, at);
    },
    version: async (orgId, joined) => {
      const kept = joined.split("+").map((version) => versions.find(orgId, version));
      const known = (await Promise.all(kept)).filter((one) => one !== undefined);
      return known.length === kept.length ? known : [];
    },
    announce: ({ orgId, kind }) => {
      if (!kinds.has(kind)) return;
      plans.forget(orgId);
      prepared.forget(orgId);
      meters.forget(orgId);
      usages.forget(orgId);
      formulas.forget(orgId);
    },
  };
};

interface MeterUsageParts {
  readonly database: Database;
  readonly formulasOf: (orgId: string) => Promise<readonly Formula[]>;
}

const loadMeterUsage = async (
  parts: MeterUsageParts,
  orgId: string,
  found: Stored<typeof meter> | undefined,
): Promise<MeterUsage> => {
  const meterIds = found === undefined ? [] : [found.id];
  const counted = await lookupReferring(parts.database, aggregation, {
    orgId,
    field: "meterId",
    ids: meterIds,
  });
  const isPriced = await isAnyPriced(parts, orgId, counted);
  const addsUp = addUp(counted, found?.dataFields ?? []);
  const segmentFields = [...new Set(counted.flatMap((one) => one.segmentedFields ?? []))];
  return { countings: countingsOf(counted), addsUp, segmentFields, isPriced };
};

/** Whether anything prices one of the aggregations, by itself or in a formula. */
const isAnyPriced = async (
  { database, formulasOf }: MeterUsageParts,
  orgId: string,
  counted: readonly PlanPrice["aggregation"][],
): Promise<boolean> => {
  const isReferredBy = (field: string, ids: string[]): Promise<boolean> =>
    isReferred(database, pricing, { orgId, field, ids });
  const own = counted.map(({ id }) => id);
  if (await isReferredBy("aggregationId", own)) return true;
  const codes = new Set(counted.flatMap(({ code }) => code ?? []));
  const naming = (await formulasOf(orgId)).filter((formula) =>
    formula.codes.some((code) => codes.has(code)),
  );
  const formulas = naming.map(({ id }) => id);
  return isReferredBy("compoundAggregationId", formulas);
};

/** Only sums of what is sent: a derived field has its value from other fields, which are sent once. */
const addUp = (
  found: readonly PlanPrice["aggregation"][],
  dataFields: Stored<typeof meter>["dataFields"],
): boolean => {
  const sent = new Set(dataFields.map(({ code }) => code));
  return (
    found.length > 0 &&
    found.every(
      ({ aggregation: method, targetField, segmentedFields = [] }) =>
        method === "SUM" && [targetField, ...segmentedFields].every((code) => sent.has(code)),
    )
  );
};

/** Each way of counting once: aggregations may differ in what only a bill looks at. */
const countingsOf = (found: readonly PlanPrice["aggregation"][]): Counting[] => {
  const own = found.flatMap((one) => {
    const counts = quantityRule(one);
    return counts === null ? [] : [{ counts, unit: one.unit }];
  });
  return [...new Map(own.map((one) => [JSON.stringify(one), one])).values()];
};

/** A filter sees nothing else: no number, and nothing that the meter does not define. */
const filterFieldsOf = (
  found: Stored<typeof meter> | undefined,
  plans: readonly AnyPlanPrice[],
): readonly string[] => {
  const filters = plans.flatMap(({ agreed }) => agreed?.filters ?? []);
  const looked = new Set(filters.map(({ dimensionCode }) => dimensionCode));
  return [...(found?.dataFields ?? []), ...(found?.derivedFields ?? [])]
    .filter(({ category, code }) => !isNumericCategory(category) && looked.has(code))
    .map(({ code }) => code);
};

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
const priceAt = (
  { prices, filterFields, hasFixedPrice }: PreparedPrices,
  subject: Subject,
  at: number,
): MeterPrice => {
  const open = prices.flatMap((price) => {
    const period = openPeriod(price, at);
    return period === undefined ? [] : [{ price, period }];
  });
  const plans = open.map(({ price }) => price.plan);
  const known = { plans, filterFields, hasFixedPrice };
  const parts: PricedCount[] = [];
  for (const { price, period } of open) {
    const { plan, kept } = price;
    if (!isOfOneAggregation(plan) || kept === undefined)
      return unpriced(`a formula prices ${subject.meter}`, known);
    const { aggregation: counted } = plan;
    const { tariff, counts } = kept;
    if (counts === null)
      return unpriced(`${counted.aggregation} does not add up event by event`, known);
    const { ofSegment } = price;
    const shared = { counts, unit: counted.unit, periodStart: period.start, ofSegment };
    parts.push({ ...shared, ...placeOf({ plan, tariff, free: price.free }, period, at) });
  }
  const [first, ...further] = parts;
  const [plan] = plans;
  if (first === undefined || plan === undefined)
    return unpriced(`no plan of the account prices ${subject.meter}`, known);
  const { currency, productId } = plan;
  if (plans.some((each) => each.currency !== currency))
    return unpriced(`the prices of ${subject.meter} are in several currencies`, known);
  const all = [first, ...further] as const;
  return { kind: "priced", currency, productId, filterFields, hasFixedPrice, parts: all };
};

/** What the usage costs then, from where, and what it does instead where filters do not let it through. */
const placeOf = (
  {
    plan,
    tariff,
    free,
  }: { readonly plan: PlanPrice; readonly tariff: Tariff } & Pick<PreparedPrice, "free">,
  period: PricedPeriod,
  at: number,
): Pick<PricedCount, "tariff" | "position" | "unlessPassed"> => {
  const position = positionId(plan, period);
  if (free === undefined || plan.agreed === undefined)
    return { tariff, position, unlessPassed: undefined };
  const unbilled = { tariff: free, position: `free.${position}` };
  if (isBeyondContract(plan, at)) return { ...unbilled, unlessPassed: undefined };
  const { filters } = plan.agreed;
  const unlessPassed = filters.length === 0 ? undefined : { ...unbilled, filters };
  return { tariff, position, unlessPassed };
};

/** The same order for every call. */
const byPricing = (a: PreparedPrice, b: PreparedPrice): number =>
  a.plan.pricing.id < b.plan.pricing.id ? -1 : 1;

const openPeriod = (price: PreparedPrice, at: number): PricedPeriod | undefined => {
  if (price.plan.pricing.type !== "DEBIT" || !isActiveAt(price.plan, at)) return undefined;
  const { period } = price;
  if (period === undefined || at < period.start || at >= period.end)
    price.period = periodAt(price.plan, at);
  return price.period;
};
