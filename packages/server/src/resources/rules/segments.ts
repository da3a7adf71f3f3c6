import { segmentValue } from "@turnpike/engine/bill/segment-value.ts";

export type Segment = Readonly<Record<string, string>>;

export const sameSegment = (a: Segment = {}, b: Segment = {}): boolean => {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
};

/** Values in the order of the aggregation's segmented fields ([R], m3ter semantics 6.4). */
export const segmentString = (
  segment: Segment,
  segmentedFields: readonly string[] = Object.keys(segment),
): string => segmentedFields.flatMap((field) => segmentValue(segment, field) ?? []).join(", ");
