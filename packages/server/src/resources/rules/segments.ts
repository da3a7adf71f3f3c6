import { type Segment, segmentValue } from "@turnpike/engine/bill/segments.ts";

/** Values in the order of the aggregation's segmented fields ([R], m3ter semantics 6.4). */
export const segmentString = (
  segment: Segment,
  segmentedFields: readonly string[] = Object.keys(segment),
): string => segmentedFields.flatMap((field) => segmentValue(segment, field) ?? []).join(", ");
