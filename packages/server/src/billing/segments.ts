import type { SimpleDefinition } from "@turnpike/engine/bill/facts.ts";

type Segment = Readonly<Record<string, string>>;

const isSame = (a: Segment, b: Segment): boolean => {
  const fields = Object.keys(a);
  return fields.length === Object.keys(b).length && fields.every((field) => a[field] === b[field]);
};

/**
 * Where a price's segment stands among those of the aggregation; undefined when the price or the aggregation is of no
 * segments and so takes all, `none` when the aggregation has others only.
 */
export const placeOfSegment = (
  { segments = [] }: Pick<SimpleDefinition, "segments">,
  wanted: Segment | undefined,
): number | undefined | "none" => {
  if (wanted === undefined || segments.length === 0) return undefined;
  const place = segments.findIndex((one) => isSame(one, wanted));
  return place < 0 ? "none" : place;
};
