import {
  placeOfSegment,
  segmentOf,
  type SegmentRank,
  segmentRanks,
} from "@turnpike/engine/bill/segments.ts";
import type { QuantityRule } from "./kept-prices.ts";
import type { PlanPrice } from "./plan-prices.ts";
import { asUnpriced, type MeterPrice, type PricedCount } from "./meter-price.ts";

/** Prices of segments: each is the price of usage that belongs to its segment alone (m3ter semantics 6.4). */

/** Which usage a price is of, where it is not of all. */
export interface OfSegment {
  readonly fields: readonly string[];
  readonly ranks: readonly SegmentRank[];
  readonly place: number;
}

type Aggregation = PlanPrice["aggregation"];

/** The ranks of aggregations, those of each made once. */
export const createRanks = (): ((aggregation: Aggregation) => readonly SegmentRank[]) => {
  const known = new WeakMap<Aggregation, readonly SegmentRank[]>();
  return (aggregation) => {
    const { segmentedFields: fields = [], segments = [] } = aggregation;
    const ranks = known.get(aggregation) ?? segmentRanks({ fields, segments });
    known.set(aggregation, ranks);
    return ranks;
  };
};

/** Undefined where a price takes all; `none` where its segment is none of the aggregation's, so that bills measure nothing. */
export const segmentPriced = (
  { pricing: { segment }, aggregation }: Pick<PlanPrice, "pricing" | "aggregation">,
  ranksOf: ReturnType<typeof createRanks>,
): OfSegment | undefined | "none" => {
  const place = placeOfSegment(aggregation, segment);
  if (place === undefined || place === "none") return place;
  return { fields: aggregation.segmentedFields ?? [], ranks: ranksOf(aggregation), place };
};

/** Fields that tell segments apart, as rules, to be derived where a calculation says them. */
export const segmentedBy = (found: MeterPrice): QuantityRule[] =>
  found.kind === "unpriced"
    ? []
    : found.parts.flatMap(({ ofSegment }) =>
        (ofSegment?.fields ?? []).map((field) => ({ field, method: "COUNT" }) as const),
      );

/** The price of usage with these texts, by those parts that are of its segment or of all usage. */
export const inSegment = (
  found: MeterPrice,
  dimensions: () => Readonly<Record<string, string>>,
): MeterPrice => {
  if (found.kind === "unpriced" || found.parts.every(({ ofSegment }) => ofSegment === undefined))
    return found;
  const texts = dimensions();
  const places = new Map<OfSegment["ranks"], number | undefined>();
  const isOfUsage = ({ ofSegment }: PricedCount): boolean => {
    if (ofSegment === undefined) return true;
    const { ranks, place } = ofSegment;
    if (!places.has(ranks)) places.set(ranks, segmentOf(ranks, texts));
    return places.get(ranks) === place;
  };
  const [first, ...others] = found.parts.filter(isOfUsage);
  if (first !== undefined) return { ...found, parts: [first, ...others] };
  return asUnpriced(found, "no plan of the account prices the segment that the usage is in");
};
