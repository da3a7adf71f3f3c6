import type { Fields, Scenario } from "./billing-scenario.ts";
import { bandsOf } from "./billing-world.ts";
import type { Dice } from "./random-family.ts";
import {
  aggregations,
  attachable,
  drawFloors,
  drawPrice,
  halfDollar,
  midnight,
  type Price,
  priceIt,
} from "./random-order-prices.ts";

/** What one account whose bills depend on each other buys and uses, drawn as plain terms, so that two can buy the same. */

type Usage = readonly (readonly [string, number])[];

interface Credit {
  readonly kind: "commitment" | "balance";
  readonly amount: number;
  readonly terms: Fields;
}

export interface SaleTerms {
  readonly template: Fields;
  readonly aggregation: Fields;
  readonly price: Price;
  /** The terms of a plan group that sells a second product with it, which is used as much and costs 2. */
  readonly group: Fields | undefined;
  readonly accountPlan: Fields;
  /** What a counter costs in it, if it prices one. */
  readonly seats: Fields | undefined;
  readonly credits: readonly Credit[];
  readonly early: Usage;
  readonly late: Usage;
}

export const drawSale = (dice: Dice): SaleTerms => {
  const currency = dice.pick(["USD", "USD", halfDollar]);
  const overage = dice.once(2) ? drawOverage(dice) : undefined;
  const isGrouped = dice.once(4) && overage?.price === undefined;
  const growing = overage === undefined ? {} : onlyGrowing;
  return {
    template: {
      currency,
      standingChargeInterval: dice.pick([1, 1, 2]),
      ...drawFloors(dice),
      ...growing,
    },
    aggregation: { aggregation: dice.pick(overage === undefined ? aggregations : growingSums) },
    price: overage?.price ?? { ...drawPrice(dice, ["2024-02-11", "2024-03-01"]), terms: {} },
    group: isGrouped
      ? { currency: dice.pick(["USD", halfDollar]), ...drawFloors(dice), ...growing }
      : undefined,
    accountPlan: {
      startDate: dice.pick(["2024-01-01", "2024-01-16"]).concat(midnight),
      ...(dice.once(3)
        ? { endDate: dice.pick(["2024-04-11", "2024-05-01"]).concat(midnight) }
        : {}),
    },
    seats: dice.once(2) ? { runningTotalBillInAdvance: dice.once(2) } : undefined,
    credits: overage === undefined ? drawCredits(dice) : [overage.credit],
    early: drawUsage(dice),
    late: drawUsage(dice),
  };
};

const drawCredits = (dice: Dice): Credit[] => {
  const committed = dice.pick([0, 60, 150]);
  const funded = dice.pick([0, 90]);
  const all: Credit[] = [
    { kind: "commitment", amount: committed, terms: {} },
    { kind: "balance", amount: funded, terms: {} },
  ];
  return all.filter(({ amount }) => amount > 0);
};

/** A credit that pays for usage only: how much of it is overage is the same then, whichever bill was first. */
const drawOverage = (dice: Dice): { readonly credit: Credit; readonly price?: Price } => {
  const percent = dice.pick([20, -10, undefined]);
  const kind = dice.pick(["commitment", "balance"] as const);
  const terms = { lineItemTypes: ["USAGE"], overageSurchargePercent: percent };
  const credit = { kind, amount: dice.pick([60, 150]), terms };
  return percent === undefined ? { credit, price: dearBeyond } : { credit };
};

/** Of units that cost this and that, the order of bills would say which are overage. */
const dearBeyond: Price = {
  bands: [[0, 1]],
  replaced: undefined,
  terms: { overagePricingBands: bandsOf([[0, 2]]) },
};

/** What a bill gives back to a credit that a locked one has found exhausted, later bills have: its overage stays. */
const onlyGrowing = { minimumSpendBillInAdvance: false };
const growingSums = ["SUM", "SUM", "COUNT", "MAX"];

const drawUsage = (dice: Dice): Usage =>
  Array.from({ length: 1 + dice.below(4) }, () => {
    const month = 1 + dice.below(5);
    return [`2024-0${month}-${16 + dice.below(12)}`, 10 + dice.below(60)] as const;
  });

export interface OpenedSale {
  readonly accountId: string;
  readonly use: (usage: Usage) => Promise<void>;
}

export const openSale = async (scenario: Scenario, terms: SaleTerms): Promise<OpenedSale> => {
  const { world, sell, count, commit, fund } = scenario;
  const account = await world.account();
  const meters: string[] = [];
  const planIds: string[] = [];
  const sellOne = async (aggregation: Fields, price: Price) => {
    const productId = await world.product();
    const meter = await world.meter(productId);
    const aggregationId = await world.aggregation(meter.id, aggregation);
    const plan = await world.plan(productId, terms.template);
    await priceIt(scenario, { planId: plan.id, aggregationId }, price);
    meters.push(meter.code);
    planIds.push(plan.id);
    return { account, productId, plan };
  };
  const sold = await sellOne(terms.aggregation, terms.price);
  if (terms.group !== undefined)
    await sellOne({}, { bands: [[0, 2]], replaced: undefined, terms: {} });
  const what = await attachable(scenario, planIds, terms.group);
  await world.create("accountplans", { accountId: account.id, ...what, ...terms.accountPlan });
  // Goes on, so that there is a bill that puts right what ended.
  await sell({ to: account, bands: [[0, 1]] });
  if (terms.seats !== undefined)
    await count(sold, [[0, 2]], { price: terms.seats, values: seatsOf });
  for (const credit of terms.credits)
    await (credit.kind === "commitment" ? commit : fund)(account, credit.amount, credit.terms);
  return {
    accountId: account.id,
    use: async (usage) => {
      for (const meter of meters) await world.use(meter, account.code, usage);
    },
  };
};

const seatsOf = [
  ["2024-01-20", 5],
  ["2024-03-10", 8],
] as const;
