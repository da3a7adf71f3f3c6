/**
 * Rating alone, without usage store and database: bills of five tiered usage lines each.
 * Prints JSON `{lines, seconds, lines_per_s}`.
 */

import {
  sampleAccountPlan,
  sampleAggregation,
  sampleFacts,
  samplePlan,
  samplePricing,
  usageOn,
} from "@turnpike/engine/bill/sample-facts.ts";
import { rateBill } from "@turnpike/engine/bill/rate-bill.ts";

const bills = 2_000;
const linesPerBill = 5;
const rounds = 10;

const pricings = Array.from({ length: linesPerBill }, (_, index) =>
  samplePricing({
    id: `pricing${index}`,
    aggregation: { ...sampleAggregation, id: `aggregation${index}` },
  }),
);

const facts = Array.from({ length: bills }, (_, bill) =>
  sampleFacts({
    terms: { accountPlans: [sampleAccountPlan({ plans: [samplePlan({ pricings })] })] },
    usage: pricings.map(({ aggregation }, index) =>
      usageOn("2024-06-10", `${100 + ((bill * 7 + index * 131) % 900)}.25`, {
        aggregationId: aggregation.id,
      }),
    ),
  }),
);

const rateAll = (): number => {
  let lines = 0;
  for (const each of facts) {
    const bill = rateBill(each);
    if (bill.outcome === "failed") throw new Error(JSON.stringify(bill.failures));
    lines += bill.lines.length;
  }
  return lines;
};

rateAll();
let best = Number.POSITIVE_INFINITY;
let lines = 0;
for (let round = 0; round < rounds; round += 1) {
  const start = performance.now();
  lines = rateAll();
  best = Math.min(best, (performance.now() - start) / 1000);
}

console.log(
  JSON.stringify({
    lines,
    seconds: Number(best.toFixed(4)),
    lines_per_s: Math.round(lines / best),
  }),
);
