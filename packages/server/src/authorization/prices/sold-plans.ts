import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { type Inheritable, pricingsOf } from "@turnpike/engine/bill/plan-inheritance.ts";
import type { Database } from "../../ports/database.ts";
import { activePeriod } from "../../records/billing-schedule.ts";
import { lookupAll, lookupReferring } from "../../records/lookup.ts";
import { loadMetersOfFormulas } from "./formulas.ts";
import type { FormulaPrice, OwnTerms, PlanPrice } from "./plan-prices.ts";

/** What plans say, whoever has bought them: read once for a plan, and not for each of its accounts. */

type PricingRecord = Stored<typeof pricing>;
type AggregationRecord = Stored<typeof aggregation>;

export interface SoldPlan {
  readonly template: Stored<typeof planTemplate>;
  /** The plan's own and what its template's still cover. */
  readonly prices: readonly (OwnTerms<PlanPrice> | OwnTerms<FormulaPrice>)[];
}

/** The plans that there are of these, by their ids. */
export const loadSoldPlans = async (
  database: Database,
  orgId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, SoldPlan>> => {
  const plans = await lookupAll(database, plan, { orgId, ids });
  const templateIds = [...new Set([...plans.values()].map((one) => one.planTemplateId))];
  const templates = await lookupAll(database, planTemplate, { orgId, ids: templateIds });
  const pricings = [
    ...(await lookupReferring(database, pricing, { orgId, field: "planId", ids })),
    ...(await lookupReferring(database, pricing, {
      orgId,
      field: "planTemplateId",
      ids: templateIds,
    })),
  ];
  const aggregations = await lookupAll(database, aggregation, {
    orgId,
    ids: new Set(pricings.flatMap(({ aggregationId }) => aggregationId ?? [])),
  });
  const formulas = await loadMetersOfFormulas(database, {
    orgId,
    ids: pricings.flatMap(({ compoundAggregationId }) => compoundAggregationId ?? []),
  });
  const sold = [...plans.values()].flatMap(({ id, planTemplateId }): [string, SoldPlan][] => {
    const template = templates.get(planTemplateId);
    if (template === undefined) return [];
    const own = pricings.filter(({ planId }) => planId === id);
    const inherited = pricings.filter((one) => one.planTemplateId === planTemplateId);
    return [[id, { template, prices: pricesOf({ own, inherited }, { aggregations, formulas }) }]];
  });
  return new Map(sold);
};

/** What pricings may price, by id: a formula as the meters that it counts. */
interface Priced {
  readonly aggregations: ReadonlyMap<string, AggregationRecord>;
  readonly formulas: ReadonlyMap<string, readonly string[]>;
}

const pricesOf = (
  {
    own,
    inherited,
  }: { readonly own: readonly PricingRecord[]; readonly inherited: readonly PricingRecord[] },
  priced: Priced,
): SoldPlan["prices"] =>
  pricingsOf(inheritable(own, priced), inheritable(inherited, priced)).map(
    ({ record, counted, meterIds, active }) => {
      const terms = { pricing: record, meterIds, active };
      return counted === undefined
        ? { ...terms, aggregation: undefined }
        : { ...terms, aggregation: counted };
    },
  );

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
