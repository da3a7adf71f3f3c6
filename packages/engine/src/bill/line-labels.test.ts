import { expect, test } from "vitest";
import { segmentString } from "./line-labels.ts";
import { sampleAggregation, samplePricing } from "./sample-facts.ts";

test.each(["constructor", "__proto__"])(
  "a segment has a star where it does not say %s",
  (field) => {
    const aggregation = { ...sampleAggregation, segmentedFields: ["region", field] };
    const pricing = { ...samplePricing(), aggregation, segment: { region: "UK" } };
    expect(segmentString(pricing)).toBe("UK, *");
  },
);
