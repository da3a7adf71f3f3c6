import * as fc from "fast-check";
import { expect, test } from "vitest";
import { segmentOf, segmentRanks } from "./segments.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const fields = ["a", "b", "c"];
const anyTexts = fc.record({
  a: fc.constantFrom("1", "2", ""),
  b: fc.constantFrom("1", "2"),
  c: fc.constantFrom("1", "*"),
});
const anyValue = fc.constantFrom("1", "2", "", "*");
const anySegment = fc.record({ a: anyValue, b: anyValue, c: anyValue }, { requiredKeys: [] });

/** Compares every segment. */
const naivePlace = (segments: readonly Record<string, string>[], texts: Record<string, string>) => {
  const fitting = segments.flatMap((segment, place) => {
    const asks = fields.map((field) => (segment[field] ?? "*") !== "*");
    const fits = fields.every((field, nth) => !asks[nth] || segment[field] === texts[field]);
    const rank = [asks.filter(Boolean).length, ...asks.map(Number)].join("");
    return fits ? [{ place, rank }] : [];
  });
  return fitting.toSorted((one, other) => (one.rank < other.rank ? 1 : -1))[0]?.place;
};

test("finds what comparing with every segment finds", () => {
  fc.assert(
    fc.property(fc.array(anySegment, { maxLength: 12 }), anyTexts, (segments, texts) => {
      const found = segmentOf(segmentRanks({ fields, segments }), texts);
      const naive = naivePlace(segments, texts);
      // Of two that ask for the same either may be named: they are one segment.
      expect(found === undefined ? undefined : keyOf(segments[found])).toEqual(
        naive === undefined ? undefined : keyOf(segments[naive]),
      );
    }),
    { numRuns },
  );
});

const keyOf = (segment: Record<string, string> | undefined) =>
  fields.map((field) => segment?.[field] ?? "*").join("/");
