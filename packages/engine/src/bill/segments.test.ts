import { expect, test } from "vitest";
import { placeOfSegment, segmentOf, segmentRanks, type Segmentation } from "./segments.ts";

const placeOf = (segmentation: Segmentation, texts: Record<string, string>) =>
  segmentOf(segmentRanks(segmentation), texts);

/** The worked example of m3ter semantics 6.4. */
const cities: Segmentation = {
  fields: ["location", "type"],
  segments: [
    { location: "UK", type: "Standard" },
    { location: "UK", type: "*" },
    { location: "*", type: "*" },
  ],
};

test.each([
  ["UK", "Standard", 0],
  ["UK", "Complete", 1],
  ["USA", "Standard", 2],
])("%s, %s belongs to the segment with the fewest wildcards", (location, type, place) => {
  expect(placeOf(cities, { location, type })).toBe(place);
});

test("of as many wildcards the one that asks for the earlier field counts, of the same values the first", () => {
  const segments = [{ type: "a" }, { location: "x" }, { location: "x", type: "*" }];
  expect(placeOf({ fields: ["location", "type"], segments }, { location: "x", type: "a" })).toBe(1);
});

test("usage that no segment asks for is in none, nor is what has none of the fields", () => {
  const segmentation = { fields: ["constructor"], segments: [{ constructor: "x" }] };
  expect(placeOf(segmentation, { constructor: "y" })).toBeUndefined();
  expect(placeOf(segmentation, {})).toBeUndefined();
  expect(placeOf(segmentation, { constructor: "x" })).toBe(0);
});

test("a price stands where its segment does, and takes everything where there are no segments", () => {
  expect(placeOfSegment(cities, { type: "*", location: "UK" })).toBe(1);
  expect(placeOfSegment(cities, { location: "UK" })).toBe("none");
  expect(placeOfSegment(cities, undefined)).toBeUndefined();
  expect(placeOfSegment({}, { location: "UK" })).toBeUndefined();
});
