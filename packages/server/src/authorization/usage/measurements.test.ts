import { expect, test } from "vitest";
import { textsOf, withTextsOf } from "./measurements.ts";

test("a part of a hold has the hold's texts that it does not name itself, in whatever map", () => {
  const kept = textsOf({
    what: { model: "large", tier: "gold" },
    where: { region: "eu" },
    measure: { tokens: 100 },
  });
  expect(kept).toEqual({ what: { model: "large", tier: "gold" }, where: { region: "eu" } });
  const part = {
    sequence: 1,
    measure: { tokens: 7 },
    what: { tier: "none" },
    other: { region: "us" },
  };
  expect(withTextsOf(part, kept, undefined)).toEqual({
    ...part,
    what: { tier: "none", model: "large" },
  });
});

test("a hold without texts keeps none", () => {
  expect(textsOf({ measure: { tokens: 100 }, what: {} })).toBeNull();
  const part = { measure: { tokens: 7 } };
  expect(withTextsOf(part, null, undefined)).toBe(part);
});

test("kept texts are where the meter has them by now, and those that are numbers by now are none", () => {
  const field = (category: "MEASURE" | "OTHER", code: string) => ({ category, code, name: code });
  const meter = {
    dataFields: [field("OTHER", "model"), { ...field("MEASURE", "tier"), unit: "1" }],
    derivedFields: [],
  };
  const kept = { what: { model: "large", tier: "3", region: "eu" } };
  const part = { measure: { tokens: 7 } };
  expect(withTextsOf(part, kept, meter)).toEqual({
    ...part,
    what: { region: "eu" },
    other: { model: "large" },
  });
});
