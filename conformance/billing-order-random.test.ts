import { expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";
import { type Dice, diceOf } from "./random-family.ts";
import { billInDisorder, billInOrder, billsOf, billText, drawn, sumsOf } from "./random-orders.ts";

/**
 * In whichever order an account's bills are made, approved and locked, and whatever usage comes late: with the last one they ask
 * together for what the bills of an account ask for that are made once, in date order.
 */

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 6);
const firstSeed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const seeds = Array.from({ length: runs }, (_, nth) => firstSeed + nth);

const scenario = billingScenario();

const dates = ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"];
const last = "2024-07-01";

const soldBy = (dice: Dice) => ({
  template: {
    standingCharge: dice.pick([0, 30]),
    standingChargeInterval: dice.pick([1, 1, 2]),
    standingChargeBillInAdvance: dice.once(2),
    minimumSpend: dice.pick([0, 40, 100]),
    minimumSpendBillInAdvance: dice.once(2),
  },
  bands: dice.pick([
    [[0, 1]],
    [
      [0, 1],
      [50, 0.5],
    ],
  ] as const),
  accountPlan: {
    startDate: dice.pick(["2024-01-01T00:00:00Z", "2024-01-16T00:00:00Z"]),
    ...(dice.once(3)
      ? { endDate: dice.pick(["2024-04-11T00:00:00Z", "2024-05-01T00:00:00Z"]) }
      : {}),
  },
});

type Usage = readonly (readonly [string, number])[];

const usageBy = (dice: Dice): Usage =>
  Array.from({ length: 1 + dice.below(4) }, () => {
    const month = 1 + dice.below(5);
    return [`2024-0${month}-${16 + dice.below(12)}`, 10 + dice.below(60)] as const;
  });

test.each(seeds)(
  "bills in any order, locked or not, come to what they come to in order: TURNPIKE_SEED=%i TURNPIKE_PROPERTY_RUNS=1",
  async (seed) => {
    const { sell, use, world, commit, fund, count } = scenario;
    const dice = diceOf(seed);
    const sale = soldBy(dice);
    const [early, late] = [usageBy(dice), usageBy(dice)];
    const ordered = await sell({ ...sale, usage: [...early, ...late] });
    const shuffled = await sell({ ...sale, usage: early });
    const seats = dice.once(2) ? { runningTotalBillInAdvance: dice.once(2) } : undefined;
    const values = [
      ["2024-01-20", 5],
      ["2024-03-10", 8],
    ] as const;
    const committed = dice.pick([0, 60, 150]);
    const funded = dice.pick([0, 90]);
    for (const sold of [ordered, shuffled]) {
      // Goes on, so that there is a bill that puts right what ended.
      await sell({ to: sold.account, bands: [[0, 1]] });
      if (seats !== undefined) await count(sold, [[0, 2]], { price: seats, values });
      if (committed > 0) await commit(sold.account, committed);
      if (funded > 0) await fund(sold.account, funded);
    }
    const log: string[] = [JSON.stringify({ sale, seats, committed, funded, early, late })];
    const billed = ({ account }: typeof ordered) => ({
      world,
      accountIds: [account.id],
      dates,
      last: [last],
    });
    await billInOrder(billed(ordered));
    await billInDisorder({
      ...billed(shuffled),
      dice,
      say: (text) => void log.push(text),
      useMore: async () => void (await use(shuffled, late)),
    });
    const [is, should] = [await billsOf(billed(shuffled)), await billsOf(billed(ordered))];
    for (const bill of should) log.push(`should ${billText(bill)}`);
    for (const bill of is) log.push(`is ${billText(bill)}`);
    expect(drawn(is, "COMMITMENT_CONSUMED"), log.join("\n")).toBeLessThan(committed + 0.005);
    expect(drawn(is, "BALANCE_CONSUMED"), log.join("\n")).toBeLessThan(funded + 0.005);
    expect(sumsOf(is), log.join("\n")).toEqual(sumsOf(should));
  },
  120_000,
);
