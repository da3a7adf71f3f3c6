import { expect, test } from "vitest";
import { saysTheSame } from "./taken-uids.ts";

const own = {
  ets: "2024-05-15T13:00:00+00:00",
  measure: { units: 0.1, extra: -0 },
  what: { region: "half \ud800" },
  metadata: JSON.parse('{"__proto__": "kept"}'),
};
const stored = {
  ets: Temporal.Instant.from("2024-05-15T13:00:00Z"),
  fields: new Map([
    ["measure.units", "0.1"],
    ["measure.extra", "0"],
    ["what.region", "half \ufffd"],
    ["metadata.__proto__", "kept"],
  ]),
};

test("what was stored says the same as what was sent, however it is written", () => {
  expect(saysTheSame(own, stored, undefined)).toBe(true);
});

test.each([
  ["another number", { measure: { ...own.measure, units: 0.2 } }],
  ["another text", { what: { region: "UK" } }],
  ["a field more", { who: { user: "u" } }],
  ["a field less", { metadata: undefined }],
  ["another end", { ets: "2024-05-15T13:00:01Z" }],
  ["no end", { ets: undefined }],
])("%s is not the same", (_name, change) => {
  expect(saysTheSame({ ...own, ...change }, stored, undefined)).toBe(false);
});

test("what the meter calculates says nothing", () => {
  const fields = new Map([...stored.fields, ["measure.ratio", "5"]]);
  const ratio = { code: "ratio", name: "ratio", category: "MEASURE", calculation: "1" } as const;
  const calculating = { derivedFields: [ratio] };
  expect(saysTheSame(own, { ...stored, fields }, { derivedFields: [] })).toBe(false);
  expect(saysTheSame(own, { ...stored, fields }, calculating)).toBe(true);
});
