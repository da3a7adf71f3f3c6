import { describe, expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { explainLine, type Explanation, recompute } from "./explanation.ts";
import { fromJson, toJson } from "./facts-json.ts";
import { rateBill } from "./rate-bill.ts";
import {
  planFacts,
  sampleCommitment,
  samplePricing,
  standingCharge,
  tiered,
  usageOn,
} from "./sample-facts.ts";

const facts = planFacts(
  {
    pricings: [samplePricing({ ...tiered([0, "0.15"], [500, "0.10"]), version: 3 })],
    standingCharge: standingCharge(20),
  },
  {
    terms: { commitments: [sampleCommitment({ amount: decimal(110) })] },
    usage: [usageOn("2024-06-10", 800)],
  },
);

const explained = (key: string): Explanation => {
  const bill = rateBill(facts);
  if (bill.outcome === "failed") throw new Error("no bill");
  const explanation = explainLine(facts, bill, key);
  if (explanation === undefined) throw new Error(`no line ${key}`);
  return explanation;
};

const usageKey = "USAGE/accountPlan/plan/pricing/5";

describe("a usage line", () => {
  const explanation = explained(usageKey);

  test("names aggregation, window, quantity, bands and the price's version", () => {
    expect(explanation.usage?.aggregation.method).toBe("SUM");
    expect(explanation.usage?.pricingVersion).toBe(3);
    const [window] = explanation.usage?.windows ?? [];
    expect(window?.quantity?.toString()).toBe("800");
    expect(window?.sources[0]?.period.start.toString()).toBe("2024-06-01T00:00:00Z");
    expect(explanation.bandUsage.map(({ bandSubtotal }) => bandSubtotal.toString())).toEqual([
      "75",
      "30",
    ]);
  });

  test("names what drew on it, with the commitment before and after", () => {
    expect(
      explanation.drawDowns.map(
        ({ commitmentId, amount, before, after }) =>
          `${commitmentId} ${[amount, before, after].join(" ")}`,
      ),
    ).toEqual(["commitment 105 110 5"]);
  });
});

test("every line can be computed again from its explanation alone, also after JSON", () => {
  const bill = rateBill(facts);
  const lines = bill.outcome === "rated" ? bill.lines : [];
  expect(lines.map(({ lineItemType }) => lineItemType)).toEqual([
    "USAGE",
    "STANDING_CHARGE",
    "COMMITMENT_CONSUMED",
    "COMMITMENT_CONSUMED",
  ]);
  for (const line of lines) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the text is the one just written
    const answer = fromJson(JSON.parse(JSON.stringify(toJson(explained(line.key))))) as Explanation;
    const again = recompute(answer);
    expect(again.exact.toString()).toBe(line.exact.toString());
    expect(again.subtotal?.toString()).toBe(line.subtotal.toString());
    expect(again.convertedSubtotal?.toString()).toBe(line.convertedSubtotal.toString());
  }
});

test("a line that is not on the bill has no explanation", () => {
  const bill = rateBill(facts);
  expect(bill.outcome === "rated" && explainLine(facts, bill, "USAGE/other")).toBeUndefined();
});
