/** Which segment of an aggregation usage belongs to (m3ter semantics 6.4). */

export type Segment = Readonly<Record<string, string>>;

export interface Segmentation {
  readonly fields: readonly string[];
  /** A field whose value is `*`, or that is not named, takes any. */
  readonly segments: readonly Segment[];
}

/** Stands for any value of a segmented field (m3ter semantics 6.4, [R]). */
const wildcard = "*";

/** What a segment says of a field: nothing of what every object inherits, such as `constructor`. */
export const segmentValue = (segment: Segment, field: string): string | undefined =>
  Object.hasOwn(segment, field) ? segment[field] : undefined;

export const sameSegment = (a: Segment = {}, b: Segment = {}): boolean => {
  const fields = Object.keys(a);
  return fields.length === Object.keys(b).length && fields.every((field) => a[field] === b[field]);
};

/**
 * Where a price's segment stands among those of the aggregation; undefined when the price or the aggregation is of no
 * segments and so takes all, `none` when the aggregation has others only.
 */
export const placeOfSegment = (
  { segments = [] }: { readonly segments?: readonly Segment[] | undefined },
  wanted: Segment | undefined,
): number | undefined | "none" => {
  if (wanted === undefined || segments.length === 0) return undefined;
  const place = segments.findIndex((one) => sameSegment(one, wanted));
  return place < 0 ? "none" : place;
};

interface Pattern {
  readonly place: number;
  /** Per segmented field; undefined where any value will do. */
  readonly values: readonly (string | undefined)[];
}

/** `10` for {country: UK, type: *}: where a pattern asks for a value. Sorts the most specific first, as text. */
const maskOf = ({ values }: Pattern): string =>
  values.map((value) => (value === undefined ? "0" : "1")).join("");

const wildcards = (mask: string): number => mask.split("0").length;

/** Fewest wildcards first; of as many, the one that asks for the earlier field (6.4, [R]). */
const bySpecificity = (a: string, b: string): number =>
  wildcards(a) - wildcards(b) || (a > b ? -1 : Number(a < b));

/** The values that one segment asks for, in the order of the rank's fields. */
export interface AskedValues {
  readonly place: number;
  readonly values: readonly string[];
}

/** Segments that ask for values of the same fields. */
export interface SegmentRank {
  readonly fields: readonly string[];
  /** By their values: of two segments with the same ones the first counts. */
  readonly asked: ReadonlyMap<string, AskedValues>;
}

const keyOf = (values: readonly (string | undefined)[]): string => JSON.stringify(values);

/**
 * Usage belongs to the segment of the first rank that has its values: values are looked up, and not compared with up to a
 * thousand segments.
 */
export const segmentRanks = ({ fields, segments }: Segmentation): readonly SegmentRank[] => {
  const patterns = segments.map((segment, place) => ({
    place,
    values: fields.map((field) => {
      const value = segmentValue(segment, field);
      return value === wildcard ? undefined : value;
    }),
  }));
  const byMask = [...Map.groupBy(patterns, maskOf)].toSorted(([a], [b]) => bySpecificity(a, b));
  return byMask.map(([mask, alike]) => {
    const asked = alike.map(({ place, values }) => ({
      place,
      values: values.filter((value) => value !== undefined),
    }));
    return {
      fields: fields.filter((_, index) => mask[index] === "1"),
      asked: new Map(asked.toReversed().map((one) => [keyOf(one.values), one])),
    };
  });
};

/** The place of the segment that usage with these texts belongs to; undefined where it is in none. */
export const segmentOf = (
  ranks: readonly SegmentRank[],
  dimensions: Readonly<Record<string, string>>,
): number | undefined => {
  for (const { fields, asked } of ranks) {
    const values = fields.map((field) => segmentValue(dimensions, field));
    const found = asked.get(keyOf(values));
    if (found !== undefined) return found.place;
  }
  return undefined;
};
