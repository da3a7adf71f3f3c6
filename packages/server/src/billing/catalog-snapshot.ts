import { customField } from "@turnpike/contract/accounts/custom-field.ts";
import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import { counterPricing } from "@turnpike/contract/catalog/counter-pricing.ts";
import { counter } from "@turnpike/contract/catalog/counter.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { planGroupLink } from "@turnpike/contract/catalog/plan-group-link.ts";
import { planGroup } from "@turnpike/contract/catalog/plan-group.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import { product } from "@turnpike/contract/catalog/product.ts";
import type { Resource, Stored } from "@turnpike/contract/resource.ts";
import type { Reader } from "../ports/database.ts";
import { lookup, lookupAll, lookupEvery, lookupReferring } from "../records/lookup.ts";

export type PlanRecord = Stored<typeof plan>;
export type PlanTemplateRecord = Stored<typeof planTemplate>;
export type PlanGroupRecord = Stored<typeof planGroup>;
export type PricingRecord = Stored<typeof pricing>;
export type AggregationRecord = Stored<typeof aggregation>;
export type CompoundRecord = Stored<typeof compoundAggregation>;
export type CounterRecord = Stored<typeof counter>;
export type CounterPricingRecord = Stored<typeof counterPricing>;
export type ProductRecord = Stored<typeof product>;
export type MeterRecord = Stored<typeof meter>;

/** What is sold, as far as some plans and plan groups reach. */
export interface Catalog {
  readonly plans: ReadonlyMap<string, PlanRecord>;
  readonly planTemplates: ReadonlyMap<string, PlanTemplateRecord>;
  readonly planGroups: ReadonlyMap<string, PlanGroupRecord>;
  /** Plan ids by plan group. */
  readonly groupMembers: ReadonlyMap<string, readonly string[]>;
  readonly pricings: readonly PricingRecord[];
  readonly counterPricings: readonly CounterPricingRecord[];
  readonly counters: ReadonlyMap<string, CounterRecord>;
  /** With a compound aggregation every one of the organization, because formulas name them by code. */
  readonly aggregations: ReadonlyMap<string, AggregationRecord>;
  readonly compounds: ReadonlyMap<string, CompoundRecord>;
  readonly meters: ReadonlyMap<string, MeterRecord>;
  readonly products: ReadonlyMap<string, ProductRecord>;
  /** The organization's custom fields, and what entities have when they say nothing. */
  readonly customFields: Stored<typeof customField> | undefined;
}

export const present = (ids: Iterable<string | undefined>): string[] => [
  ...new Set([...ids].filter((id): id is string => id !== undefined && id !== "")),
];

/** Records of plans or of their templates. */
const ofPlans = async <R extends Resource>(
  reader: Reader,
  resource: R,
  owners: { orgId: string; planIds: readonly string[]; templateIds: readonly string[] },
): Promise<Stored<R>[]> => {
  const { orgId, planIds, templateIds } = owners;
  const own = await lookupReferring(reader, resource, { orgId, field: "planId", ids: planIds });
  const inherited = await lookupReferring(reader, resource, {
    orgId,
    field: "planTemplateId",
    ids: templateIds,
  });
  return [...own, ...inherited];
};

const takeAggregations = async (
  reader: Reader,
  orgId: string,
  pricings: readonly PricingRecord[],
): Promise<Pick<Catalog, "aggregations" | "compounds" | "meters">> => {
  const compoundIds = present(pricings.map((one) => one.compoundAggregationId));
  const compounds = await lookupAll(reader, compoundAggregation, { orgId, ids: compoundIds });
  const simpleIds = present(pricings.map(({ aggregationId }) => aggregationId));
  const aggregations =
    compounds.size === 0
      ? await lookupAll(reader, aggregation, { orgId, ids: simpleIds })
      : new Map((await lookupEvery(reader, aggregation, orgId)).map((one) => [one.id, one]));
  const meterIds = present([...aggregations.values()].map(({ meterId }) => meterId));
  return {
    aggregations,
    compounds,
    meters: await lookupAll(reader, meter, { orgId, ids: meterIds }),
  };
};

interface Sold {
  readonly planIds: readonly string[];
  readonly planGroupIds: readonly string[];
  /** Products that something else names. */
  readonly productIds: readonly string[];
}

/** A dozen queries, however many plans. */
export const takeCatalog = async (reader: Reader, orgId: string, sold: Sold): Promise<Catalog> => {
  const planGroups = await lookupAll(reader, planGroup, { orgId, ids: sold.planGroupIds });
  const links = await lookupReferring(reader, planGroupLink, {
    orgId,
    field: "planGroupId",
    ids: sold.planGroupIds,
  });
  const planIds = present([...sold.planIds, ...links.map(({ planId }) => planId)]);
  const plans = await lookupAll(reader, plan, { orgId, ids: planIds });
  const templateIds = present([...plans.values()].map(({ planTemplateId }) => planTemplateId));
  const planTemplates = await lookupAll(reader, planTemplate, { orgId, ids: templateIds });
  const owners = { orgId, planIds, templateIds };
  const pricings = await ofPlans(reader, pricing, owners);
  const counterPricings = await ofPlans(reader, counterPricing, owners);
  const counterIds = counterPricings.map(({ counterId }) => counterId);
  const measured = await takeAggregations(reader, orgId, pricings);
  const productIds = present([
    ...sold.productIds,
    ...[...planTemplates.values()].map(({ productId }) => productId),
    ...[...plans.values(), ...planGroups.values()].flatMap((one) => [
      one.standingChargeAccountingProductId,
      one.minimumSpendAccountingProductId,
    ]),
    ...[
      ...pricings,
      ...counterPricings,
      ...measured.aggregations.values(),
      ...measured.compounds.values(),
    ].map(({ accountingProductId }) => accountingProductId),
  ]);
  return {
    plans,
    planTemplates,
    planGroups,
    groupMembers: new Map(
      [...Map.groupBy(links, ({ planGroupId }) => planGroupId)].map(([groupId, members]) => [
        groupId,
        members.map(({ planId }) => planId),
      ]),
    ),
    pricings,
    counterPricings,
    counters: await lookupAll(reader, counter, { orgId, ids: counterIds }),
    ...measured,
    products: await lookupAll(reader, product, { orgId, ids: productIds }),
    customFields: await lookup(reader, customField, { orgId, id: orgId }),
  };
};
