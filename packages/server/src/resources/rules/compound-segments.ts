import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import type { Database, DatabaseTransaction } from "../../ports/database.ts";
import { lookupCodes } from "../../records/lookup.ts";
import { type Segment, sameSegment } from "./segments.ts";

/** Codes of the aggregations that a calculation names as `aggregation.<code>` (m3ter semantics 7). */
export const referencedAggregations = (calculation: string): string[] => [
  ...new Set(
    [...calculation.matchAll(/\baggregation\.([\p{L}_$][\p{L}_$0-9]*)/gu)].flatMap(
      ([, code]) => code ?? [],
    ),
  ),
];

/** What all referenced aggregations that are segmented have in common ([R], m3ter semantics 7). */
const commonSegments = (lists: readonly (readonly Segment[])[]): readonly Segment[] => {
  const [first = [], ...others] = lists;
  return first.filter((segment) =>
    others.every((list) => list.some((other) => sameSegment(other, segment))),
  );
};

export const segmentsOfCompound = async (
  reader: Database | DatabaseTransaction,
  { orgId, calculation }: { orgId: string; calculation: string },
): Promise<readonly Segment[]> => {
  const codes = referencedAggregations(calculation);
  const referenced = await lookupCodes(reader, aggregation, { orgId, codes });
  const segmented = referenced.flatMap(({ segments }) => (segments?.length ? [segments] : []));
  return commonSegments(segmented);
};
