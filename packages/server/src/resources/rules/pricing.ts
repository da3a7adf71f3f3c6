import { randomUUID } from "node:crypto";
import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { pricing, type PricingBand } from "@turnpike/contract/catalog/pricing.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { lock, lookup, lookupReferring } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";

type Pricing = ReturnType<typeof pricing.fields.parse>;
type Segment = Readonly<Record<string, string>>;

const sameSegment = (a: Segment = {}, b: Segment = {}): boolean => {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
};

const withIds = (bands: readonly PricingBand[]): PricingBand[] =>
  bands
    .map((band) => ({ ...band, id: band.id ?? randomUUID() }))
    .sort((a, b) => a.lowerLimit - b.lowerLimit);

/** A product's aggregation prices plans of that product only; a global one prices any (m3ter semantics 4). */
const checkProduct = async (
  { transaction, orgId }: Write,
  next: Pricing,
  source: Stored<typeof aggregation>,
): Promise<void> => {
  const target = await lookup(transaction, meter, { orgId, id: source.meterId });
  if (target?.productId === undefined) return;
  const owner =
    next.planId === undefined
      ? undefined
      : await lookup(transaction, plan, { orgId, id: next.planId });
  const templateId = next.planTemplateId ?? owner?.planTemplateId ?? "";
  const template = await lookup(transaction, planTemplate, { orgId, id: templateId });
  if (template === undefined || template.productId === target.productId) return;
  throw fieldProblem("RULE_VIOLATED", "aggregationId", "belongs to another product than the plan");
};

/** A segment is priced as the aggregation declares it (m3ter semantics 6.4). */
const checkSegment = (next: Pricing, source: Stored<typeof aggregation>): void => {
  const declared = source.segments ?? [];
  if (next.segment === undefined) {
    if (declared.length === 0) return;
    throw fieldProblem("RULE_VIOLATED", "segment", "is required: the aggregation is segmented");
  }
  if (declared.some((segment) => sameSegment(segment, next.segment))) return;
  throw fieldProblem("RULE_VIOLATED", "segment", "is not one of the aggregation's segments");
};

/** Two prices of one thing at one time would bill it twice (m3ter semantics 10.7). */
const refuseOverlap = async ({ transaction, orgId, id }: Write, next: Pricing): Promise<void> => {
  const [field, owner, kind] =
    next.planId === undefined
      ? ["planTemplateId", next.planTemplateId ?? "", planTemplate.kind]
      : ["planId", next.planId, plan.kind];
  await lock(transaction, { orgId, kind, id: owner });
  const others = await lookupReferring(transaction, pricing, { orgId, field, ids: [owner] });
  const rival = others.find(
    (other) =>
      other.id !== id &&
      other.aggregationId === next.aggregationId &&
      other.compoundAggregationId === next.compoundAggregationId &&
      sameSegment(other.segment, next.segment) &&
      (other.endDate === undefined || next.startDate < other.endDate) &&
      (next.endDate === undefined || other.startDate < next.endDate),
  );
  if (rival === undefined) return;
  throw fieldProblem(
    "RULE_VIOLATED",
    "startDate",
    `overlaps pricing ${rival.id} of the same usage`,
  );
};

/** Values in the order of the aggregation's segmented fields (m3ter semantics 6.4). */
const segmentString = (segment: Segment, source: Stored<typeof aggregation> | undefined): string =>
  (source?.segmentedFields ?? Object.keys(segment))
    .flatMap((field) => segment[field] ?? [])
    .join(", ");

const pricesOneThingOnce = async (write: Write) => {
  const { transaction, orgId, document } = write;
  const next = pricing.fields.parse(document);
  const { aggregationId, segment, overagePricingBands } = next;
  const source =
    aggregationId === undefined
      ? undefined
      : await lookup(transaction, aggregation, { orgId, id: aggregationId });
  if (source !== undefined) {
    await checkProduct(write, next, source);
    checkSegment(next, source);
  }
  await refuseOverlap(write, next);
  return {
    ...next,
    pricingBands: withIds(next.pricingBands),
    ...(overagePricingBands === undefined
      ? {}
      : { overagePricingBands: withIds(overagePricingBands) }),
    aggregationType: aggregationId === undefined ? "COMPOUND" : "SIMPLE",
    ...(segment === undefined ? {} : { segmentString: segmentString(segment, source) }),
  };
};

export const pricingRules: Rules = { write: pricesOneThingOnce };
