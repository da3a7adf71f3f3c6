import type { Pool } from "pg";
import { account } from "@turnpike/contract/accounts/account.ts";
import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { isNumericCategory, type meter } from "@turnpike/contract/catalog/meter.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Database } from "../../ports/database.ts";
import type { CatalogChange } from "../../records/catalog-change.ts";
import { isReferred, lookupReferring } from "../../records/lookup.ts";
import { createCache, whileHeard } from "../cache.ts";
import type { KeptRecords } from "../kept-records.ts";
import { type Formula, loadFormulas } from "./formulas.ts";
import { createMeters, type Meters } from "./meters.ts";
import type { Counting, MeterPrice } from "./meter-price.ts";
import { createAccountPrices } from "./account-prices.ts";
import { createCallPrices } from "./call-prices.ts";
import { createKeptPrices, type KeptPrice, quantityRule } from "./kept-prices.ts";
import { type AnyPlanPrice, isOfOneAggregation, type PlanPrice } from "./plan-prices.ts";
import { preparedOf, type PreparedPrice, type PreparedPrices, priceAt } from "./price-at.ts";

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
  readonly announce: (change: CatalogChange) => void;
}

/** Changes of records of these kinds change prices: where they name an account, only its own and its children's. */
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

/** How long a server may still price by a plan that another one has changed, once it knows that it does not hear of it. */
const unheardMs = 5_000;
/** In prices, of some half a kilobyte each. */
const preparedMax = 200_000;

interface Parts {
  readonly database: Database;
  readonly pool: Pool;
  readonly keptRecords: KeptRecords;
  readonly now: () => number;
  /** Whether changes by other servers are heard of. */
  readonly hearsNews: () => boolean;
}

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

export const createPrices = (parts: Parts): Prices => {
  const { database, pool, keptRecords, now, hearsNews } = parts;
  const rememberedMs = whileHeard(hearsNews, unheardMs);
  const accountPrices = createAccountPrices({ database, now, rememberedMs });
  const prepared = createCache<PreparedPrices>({
    now,
    rememberedMs,
    max: preparedMax,
    weigh: ({ prices }) => 1 + prices.length,
  });
  const meters = createMeters({ database, keptRecords, now, rememberedMs });
  const versions = createKeptPrices(pool, now);
  const callPrices = createCallPrices(versions);
  const usages = createCache<MeterUsage>({ now, rememberedMs, max: 10_000 });
  const formulas = createCache<Formula[]>({ now, rememberedMs, max: 1_000 });
  const formulasOf = (orgId: string) =>
    formulas.get(orgId, orgId, () => loadFormulas(database, orgId));
  const usageOf = (orgId: string, code: string): Promise<MeterUsage> =>
    usages.get(orgId, code, async () =>
      loadMeterUsage({ database, formulasOf }, orgId, await meters.find(orgId, code)),
    );

  const prepare = async (subject: Subject): Promise<PreparedPrices> => {
    const { orgId } = subject;
    const found = await meters.find(orgId, subject.meter);
    const { prices: all, owners } = await accountPrices.of(subject);
    const own = all.filter(({ meterIds }) => found !== undefined && meterIds.includes(found.id));
    const prices = await Promise.all(
      own.map(async (plan): Promise<PreparedPrice[]> => {
        if (!isOfOneAggregation(plan)) return [{ plan, call: undefined }];
        const call = await callPrices.of(orgId, plan);
        return call === undefined ? [] : [{ plan, call }];
      }),
    );
    const hasFixedPrice = own.some(({ pricing: { pricingBands } }) =>
      pricingBands.some(({ lowerLimit, fixedPrice }) => lowerLimit === 0 && fixedPrice !== 0),
    );
    const filterFields = filterFieldsOf(found, own);
    return preparedOf(prices.flat(), owners, { filterFields, hasFixedPrice });
  };

  return {
    meter: meters.find,
    keptMeter: meters.findKept,
    plansOf: async (owner) => (await accountPrices.of(owner)).prices.filter(isOfOneAggregation),
    usage: usageOf,
    at: async (subject, at) => {
      const { orgId, accountId, meter } = subject;
      const found = await prepared.get(orgId, `${accountId} ${meter}`, () => prepare(subject));
      return priceAt(found, meter, at);
    },
    version: async (orgId, joined) => {
      const kept = joined.split("+").map((version) => versions.find(orgId, version));
      const known = (await Promise.all(kept)).filter((one) => one !== undefined);
      return known.length === kept.length ? known : [];
    },
    announce: ({ orgId, kind, isNew, account: changed }) => {
      // Only accounts that exist are asked for, and there may be new ones every second.
      if (!kinds.has(kind) || (kind === account.kind && isNew)) return;
      accountPrices.forget(orgId, changed);
      prepared.forget(orgId, ({ owners }) => changed === undefined || owners.includes(changed));
      if (changed !== undefined) return;
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
