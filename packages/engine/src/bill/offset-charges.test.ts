import { expect, test } from "vitest";
import { decimal, type DecimalInput } from "../exact/decimal.ts";
import type { BillFacts, PlanTerms } from "./facts.ts";
import { offsetCharges } from "./offset-charges.ts";
import { rateBill } from "./rate-bill.ts";
import {
  credited,
  minimumSpend,
  sampleAccountPlan,
  sampleAggregation,
  sampleBalance,
  sampleFacts,
  samplePlan,
  samplePricing,
  standingCharge,
  tiered,
  usageOn,
} from "./sample-facts.ts";

const pricing = (
  id: string,
  type: "DEBIT" | "PRODUCT_CREDIT" | "GLOBAL_CREDIT" = "DEBIT",
  unitPrice: DecimalInput = 1,
) =>
  samplePricing({ ...tiered([0, unitPrice]), id, type, aggregation: { ...sampleAggregation, id } });

/** Two products, of which the first credits usage, too. */
const factsOf = (
  used: Readonly<Record<string, DecimalInput>>,
  {
    plan = {},
    billedInAdvance = {},
  }: { plan?: Partial<PlanTerms>; billedInAdvance?: Record<string, DecimalInput> },
): BillFacts => {
  const product = (id: string) => ({ id, name: id, code: id });
  const plans = [
    samplePlan({
      id: "A",
      product: product("A"),
      pricings: [
        pricing("fine", "DEBIT", "0.0074"),
        pricing("usageA"),
        pricing("otherA"),
        pricing("productCredit", "PRODUCT_CREDIT"),
        pricing("globalCredit", "GLOBAL_CREDIT"),
      ],
      ...plan,
    }),
    samplePlan({ id: "B", product: product("B"), pricings: [pricing("usageB")] }),
  ];
  const usage = Object.entries(used).map(([aggregationId, units]) =>
    usageOn("2024-06-10", units, { aggregationId }),
  );
  return sampleFacts({
    terms: { accountPlans: [sampleAccountPlan({ plans })] },
    usage,
    billedInAdvance,
  });
};

const linesOf = (facts: BillFacts) => {
  const rated = rateBill(facts);
  if (rated.outcome === "failed") throw new Error(rated.failures[0]?.failure);
  return rated.lines;
};

const costsOf = (facts: BillFacts): Record<string, string> =>
  Object.fromEntries(
    offsetCharges(facts, linesOf(facts)).map(({ line, cost }) => [
      line.lineItemType === "USAGE" ? (line.pricingId ?? "") : "minimum",
      cost.toString(),
    ]),
  );

const inAdvance = minimumSpend(62, { billInAdvance: true });
const minimumKey = "MINIMUM_SPEND/accountPlan/A/5";

test.each<{
  what: string;
  used: Record<string, DecimalInput>;
  given?: Parameters<typeof factsOf>[1];
  costs: Record<string, string>;
}>([
  {
    what: "nothing is given back: what it costs exactly",
    used: { fine: 1, usageA: 3 },
    costs: { fine: "0.0074", usageA: "3" },
  },
  {
    what: "a minimum spend that was billed in advance pays for usage",
    used: { usageA: 10, usageB: 30 },
    given: { plan: { minimumSpend: inAdvance }, billedInAdvance: { [minimumKey]: 62 } },
    costs: { usageA: "0", minimum: "62", usageB: "30" },
  },
  {
    what: "usage beyond a minimum spend that was billed in advance",
    used: { usageA: 70 },
    given: { plan: { minimumSpend: inAdvance }, billedInAdvance: { [minimumKey]: 62 } },
    costs: { usageA: "8", minimum: "62" },
  },
  {
    what: "usage below zero lowers its product's, and costs nothing itself",
    used: { usageA: 20, otherA: -5, usageB: 30 },
    costs: { usageA: "15", usageB: "30" },
  },
  {
    what: "a standing charge takes nothing of a credit that usage needs",
    used: { usageA: 10, productCredit: 12 },
    given: { plan: { standingCharge: standingCharge(5) } },
    costs: { usageA: "0" },
  },
  {
    what: "a credit for all products, printed first, leaves a product's own what it covers",
    used: { usageA: 60, usageB: 40, productCredit: 80, globalCredit: 50 },
    costs: { usageA: "0", usageB: "0" },
  },
])("$what", ({ used, given = {}, costs }) => {
  const facts = factsOf(used, given);
  expect(costsOf(facts)).toEqual(costs);
  // A wallet that paid so much draws all of it.
  const amount = Object.values(costs).reduce(
    (total, cost) => total.plus(decimal(cost)),
    decimal(0),
  );
  const isWallet = true;
  const wallet = sampleBalance({ isWallet, transactions: [credited("2024-06-01", amount)] });
  const drawn = linesOf({ ...facts, balances: [wallet] }).flatMap(({ drawDown }) => drawDown ?? []);
  expect(drawn.at(-1)?.after.toString() ?? amount.toString()).toBe("0");
});

test.each([
  // A plan of that id comes before or behind the other's in the order of lines.
  { giver: "parent", ids: ["1", "2"], costs: ["0", "5"] },
  { giver: "parent", ids: ["2", "1"], costs: ["0", "5"] },
  { giver: "child", ids: ["1", "2"], costs: ["5", "0"] },
  { giver: "child", ids: ["2", "1"], costs: ["5", "0"] },
])("a credit of the $giver lowers its own usage before the other's ($ids)", (given) => {
  const family = ["parent", "child"].map((name, nth) => {
    const id = given.ids[nth] ?? "";
    const own = [pricing(name), pricing(`${name}Credit`, "PRODUCT_CREDIT")];
    return sampleAccountPlan({
      id,
      account: { id: name, code: name },
      plans: [samplePlan({ id, pricings: own })],
    });
  });
  const used = (aggregationId: string, accountId: string, units: number) =>
    usageOn("2024-06-10", units, { aggregationId, accountId });
  const facts = sampleFacts({
    terms: { account: { id: "parent", code: "parent", hasChildren: true }, accountPlans: family },
    usage: [
      used("parent", "parent", 10),
      used("child", "child", 10),
      used(`${given.giver}Credit`, given.giver, 15),
    ],
  });
  const costs = costsOf(facts);
  expect([costs["parent"], costs["child"]]).toEqual(given.costs);
});
