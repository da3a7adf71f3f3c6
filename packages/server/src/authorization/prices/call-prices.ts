import type { Tariff } from "@turnpike/engine/ledger/price.ts";
import { freeOf, type KeptPrice, type KeptPrices, storedPrice } from "./kept-prices.ts";
import type { PlanPrice } from "./plan-prices.ts";
import { createRanks, type OfSegment, segmentPriced } from "./segmented-usage.ts";

/** A price of a plan as calls are priced by it. */
export interface CallPrice {
  readonly kept: KeptPrice;
  /** Of usage that the plan's contract keeps off the bill; undefined where it keeps none. */
  readonly free: Tariff | undefined;
  readonly ofSegment: OfSegment | undefined;
}

export interface CallPrices {
  /** Undefined of a price whose segment is none of the aggregation's: it is no call's. */
  readonly of: (orgId: string, plan: PlanPrice) => Promise<CallPrice | undefined>;
}

/** What a price says, made once for all accounts that have its plan, as long as its record is remembered. */
export const createCallPrices = (versions: KeptPrices): CallPrices => {
  const charged = new WeakMap<PlanPrice["pricing"], Promise<KeptPrice>>();
  const free = new WeakMap<PlanPrice["pricing"], Promise<KeptPrice>>();
  const ranksOf = createRanks();
  const keep = (orgId: string, plan: PlanPrice, isFree: boolean): Promise<KeptPrice> => {
    const known = isFree ? free : charged;
    const found = known.get(plan.pricing);
    if (found !== undefined) return found;
    const price = storedPrice(plan);
    const version = `${plan.pricing.id}@${plan.pricing.version}.${plan.aggregation.version}`;
    const kept = isFree
      ? versions.keep(orgId, `${version}.free`, freeOf(price))
      : versions.keep(orgId, version, price);
    known.set(plan.pricing, kept);
    kept.catch(() => known.delete(plan.pricing));
    return kept;
  };
  return {
    of: async (orgId, plan) => {
      const ofSegment = segmentPriced(plan, ranksOf);
      if (ofSegment === "none") return undefined;
      const kept = await keep(orgId, plan, false);
      const isAgreed = plan.agreed !== undefined;
      return {
        kept,
        free: isAgreed ? (await keep(orgId, plan, true)).tariff : undefined,
        ofSegment,
      };
    },
  };
};
