import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { identifiers } from "@turnpike/engine/calculation/identifiers.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import type { Reader } from "../../ports/database.ts";
import { lookupCodes } from "../../records/lookup.ts";
import { type Segment, sameSegment } from "@turnpike/engine/bill/segments.ts";

/** Codes of the aggregations that a calculation names as `aggregation.<code>` (m3ter semantics 7). */
export const referencedAggregations = (calculation: string): string[] => {
  const parsing = parse(calculation);
  if (!parsing.ok) return [];
  const { names } = identifiers(parsing.calculation);
  return names.flatMap(({ reference }) =>
    reference.kind === "aggregation" ? [reference.code] : [],
  );
};

/** What all referenced aggregations that are segmented have in common ([R], m3ter semantics 7). */
const commonSegments = (lists: readonly (readonly Segment[])[]): readonly Segment[] => {
  const [first = [], ...others] = lists;
  return first.filter((segment) =>
    others.every((list) => list.some((other) => sameSegment(other, segment))),
  );
};

export const segmentsOfCompound = async (
  reader: Reader,
  { orgId, calculation }: { orgId: string; calculation: string },
): Promise<readonly Segment[]> => {
  const codes = referencedAggregations(calculation);
  const referenced = await lookupCodes(reader, aggregation, { orgId, codes });
  const segmented = referenced.flatMap(({ segments }) => (segments?.length ? [segments] : []));
  return commonSegments(segmented);
};
