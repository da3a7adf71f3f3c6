import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import { lookup } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";
import { refuseOverlap, withIds } from "./banded-price.ts";
import { segmentsOfCompound } from "./compound-segments.ts";
import { refuseForeignPrice } from "./priced-product.ts";
import { checkSegment } from "./priced-segments.ts";
import { type Segment, sameSegment } from "@turnpike/engine/bill/segments.ts";
import { segmentString } from "./segments.ts";

type Pricing = ReturnType<typeof pricing.fields.parse>;

/** What is priced: its segments. */
interface Source {
  readonly segments: readonly Segment[];
  /** In the order in which a segment is written out. */
  readonly segmentedFields: readonly string[];
}

const sourceOf = async (
  { transaction, orgId }: Write,
  { aggregationId, compoundAggregationId }: Pricing,
): Promise<Source | undefined> => {
  if (aggregationId !== undefined) {
    const priced = await lookup(transaction, aggregation, { orgId, id: aggregationId });
    if (priced === undefined) return undefined;
    const { segments = [], segmentedFields = [] } = priced;
    return { segments, segmentedFields };
  }
  const id = compoundAggregationId ?? "";
  const priced = await lookup(transaction, compoundAggregation, { orgId, id });
  if (priced === undefined) return undefined;
  const segments = await segmentsOfCompound(transaction, {
    orgId,
    calculation: priced.calculation,
  });
  const segmentedFields = Object.keys(segments[0] ?? {});
  return { segments, segmentedFields };
};

const pricesOneThingOnce = async (write: Write) => {
  const next = pricing.fields.parse(write.document);
  const { aggregationId, compoundAggregationId, segment, overagePricingBands } = next;
  await refuseOverlap(write, next, {
    resource: pricing,
    isSame: (other) =>
      other.aggregationId === aggregationId &&
      other.compoundAggregationId === compoundAggregationId &&
      sameSegment(other.segment, segment),
  });
  await refuseForeignPrice(write, next);
  const source = await sourceOf(write, next);
  if (source !== undefined) checkSegment(segment, source.segments);
  return {
    ...write.document,
    pricingBands: withIds(next.pricingBands),
    ...(overagePricingBands === undefined
      ? {}
      : { overagePricingBands: withIds(overagePricingBands) }),
    aggregationType: aggregationId === undefined ? "COMPOUND" : "SIMPLE",
    ...(segment === undefined
      ? {}
      : { segmentString: segmentString(segment, source?.segmentedFields) }),
  };
};

export const pricingRules: Rules = { write: pricesOneThingOnce };
