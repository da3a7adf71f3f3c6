import { expect, test } from "vitest";
import { sampleTariff } from "@turnpike/engine/ledger/sample-request.ts";
import { dimensionsOf } from "./dimensions.ts";
import { asFiltered } from "./filtered-usage.ts";
import type { MeterPrice } from "./meter-price.ts";

const priced = (dimensionCode: string) => {
  const tariff = sampleTariff(true, ["0", "1"]);
  const filters = [{ dimensionCode, value: "EU", mode: "INCLUDE" } as const];
  const counts = { field: "n", method: "SUM" } as const;
  const unlessPassed = { filters, tariff, position: "free" };
  const place = { position: "billed", periodStart: 0, ofSegment: undefined };
  const part = { counts, unit: "n", tariff, ...place, unlessPassed };
  return {
    kind: "priced",
    currency: "USD",
    productId: "p",
    filterFields: [dimensionCode],
    hasFixedPrice: false,
    parts: [part],
  } as const;
};

const positionIn = (found: MeterPrice): string | undefined =>
  found.kind === "priced" ? found.parts[0].position : undefined;

test.each(["region", "constructor", "__proto__"])(
  "usage passes a filter by %s where it was sent or derived as that, and not where it is absent",
  (code) => {
    const positionOf = (what: Record<string, string>, derived: Map<string, string>) =>
      positionIn(asFiltered(priced(code), () => dimensionsOf({ what }, derived)));
    expect(positionOf({}, new Map())).toBe("free");
    expect(positionOf(Object.fromEntries([[code, "EU"]]), new Map())).toBe("billed");
    expect(positionOf({}, new Map([[code, "EU"]]))).toBe("billed");
    expect(positionOf({}, new Map([[code, "US"]]))).toBe("free");
  },
);
