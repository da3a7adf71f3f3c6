import { expect, test } from "vitest";
import { type BillFacts } from "./facts.ts";
import { rateBill } from "./rate-bill.ts";
import { rerate } from "./rerating.ts";
import {
  at,
  on,
  sampleAccountPlan,
  sampleFacts,
  samplePlan,
  standingCharge,
  usageOn,
} from "./sample-facts.ts";

const plans = [
  samplePlan({ pricings: [], standingCharge: standingCharge(300, { billInAdvance: true }) }),
];

const factsOf = (billDate: string, end: string, billed: Record<string, number> = {}): BillFacts =>
  sampleFacts({
    terms: {
      billDate: on(billDate),
      accountPlans: [
        sampleAccountPlan({ active: { start: at("2024-06-01"), end: at(end) }, plans }),
      ],
    },
    billedInAdvance: billed,
  });

const billedLines = (facts: BillFacts) => {
  const bill = rateBill(facts);
  const lines = bill.outcome === "rated" ? bill.lines : [];
  return lines.map((line) => ({ lineItemId: line.key, line }));
};

test("what the correction of one bill gives back, the next does not give back again", () => {
  // June was billed in advance, 300, when the plan was to run to December. Now it ended on June 16.
  const june = { key: "STANDING_CHARGE/accountPlan/plan/0", amount: 300 };
  const approved = (end: string) => [
    { billId: "opening", facts: factsOf("2024-06-01", end) },
    { billId: "closing", facts: factsOf("2024-07-01", end, { [june.key]: june.amount }) },
  ];
  const was = approved("2024-12-01");
  const answer = rerate(
    approved("2024-06-16").map(({ billId, facts }, index) => ({
      billId,
      facts,
      billed: billedLines(was[index]?.facts ?? facts),
      corrected: [],
    })),
  );
  const shown =
    answer.outcome === "rerated"
      ? answer.corrections.map(({ billId, subtotal }) => `${billId} ${subtotal.toFixed(2)}`)
      : [];
  // 15 of 30 days of June come back with the first bill; July's 300 with the second, and June's not again.
  expect(shown).toEqual(["opening -150.00", "closing -300.00"]);
});

test("a bill that cannot be rated stops the run and is named", () => {
  const facts = sampleFacts({ terms: { currency: "EUR" }, usage: [usageOn("2024-06-10", 1)] });
  const answer = rerate([{ billId: "june", facts, billed: [], corrected: [] }]);
  expect(answer).toMatchObject({ outcome: "failed", billId: "june" });
});
