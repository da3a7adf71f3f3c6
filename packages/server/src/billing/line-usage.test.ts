import { expect, test } from "vitest";
import { segmentOf } from "./line-usage.ts";

const fields = ["location", "type"];
const segments = [
  { location: "UK", type: "Standard" },
  { location: "UK", type: "*" },
  { location: "*", type: "Standard" },
  { location: "*", type: "*" },
];

// The worked example of m3ter semantics 6.4, and its rules on ties.
test.each([
  ["all literals win", { location: "UK", type: "Standard" }, segments[0]],
  ["a literal wins over a wildcard", { location: "UK", type: "Complete" }, segments[1]],
  ["of one literal each, the earlier field's", { location: "USA", type: "Standard" }, segments[2]],
  ["wildcards take the rest", { location: "USA", type: "Complete" }, segments[3]],
  ["a missing value is any value", { type: "Standard" }, segments[2]],
])("%s", (_case, texts, expected) => {
  expect(segmentOf(fields, segments, texts)).toBe(expected);
});

test("of two segments with one literal each, the one with the earlier field's literal wins", () => {
  const tied = [segments[2] ?? {}, segments[1] ?? {}];
  expect(segmentOf(fields, tied, { location: "UK", type: "Standard" })).toBe(segments[1]);
});

test("usage that no segment matches belongs to none", () => {
  expect(segmentOf(fields, segments.slice(0, 2), { location: "USA" })).toBeUndefined();
});
