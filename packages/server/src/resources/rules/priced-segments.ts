import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { type Segment, sameSegment } from "@turnpike/engine/bill/segments.ts";
import { lookupReferring } from "../../records/lookup.ts";
import type { Write } from "../rule.ts";

/** What is segmented is priced by its segments, anything else as a whole (m3ter semantics 6.4, 7). */
const fits = (segment: Segment | undefined, segments: readonly Segment[]): boolean =>
  segment === undefined
    ? segments.length === 0
    : segments.some((declared) => sameSegment(declared, segment));

/** Every price stays for what it was made for: usage would be billed twice, or not at all. */
export const keepsPricedSegments = async (
  { transaction, orgId }: Pick<Write, "transaction" | "orgId">,
  priced: {
    readonly by: "aggregationId" | "compoundAggregationId";
    readonly id: string;
    readonly segments: readonly Segment[];
    /** What the request changed. */
    readonly field: string;
  },
): Promise<void> => {
  const on = { orgId, field: priced.by, ids: [priced.id] };
  const prices = await lookupReferring(transaction, pricing, on);
  const unfit = prices.find(({ segment }) => !fits(segment, priced.segments));
  if (unfit === undefined) return;
  const message =
    unfit.segment === undefined
      ? `must leave it without segments: pricing ${unfit.id} is for all of its usage`
      : `must keep ${JSON.stringify(unfit.segment)}, which pricing ${unfit.id} is for`;
  throw fieldProblem("RULE_VIOLATED", priced.field, message);
};

export const checkSegment = (segment: Segment | undefined, segments: readonly Segment[]): void => {
  if (fits(segment, segments)) return;
  const message =
    segment === undefined
      ? "is required: the aggregation is segmented"
      : "is not one of the aggregation's segments";
  throw fieldProblem("RULE_VIOLATED", "segment", message);
};
