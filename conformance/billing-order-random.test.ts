import { expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";
import { type Bill, rowsOf } from "./billing-world.ts";
import { type Dice, diceOf } from "./random-family.ts";

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

const isCredit = (type: string): boolean => type.endsWith("_CONSUMED");

/** By type, what they charge together; types that come to nothing are left out. */
const sumsOf = (bills: readonly Bill[]): Record<string, string> => {
  const sums: Record<string, number> = {};
  for (const { lineItems } of bills) {
    for (const { lineItemType, convertedSubtotal } of lineItems) {
      const type = lineItemType.replace(/_REFUND$/u, "");
      sums[type] = (sums[type] ?? 0) + convertedSubtotal;
    }
  }
  return Object.fromEntries(
    Object.entries(sums)
      .map(([type, amount]) => [type, amount.toFixed(2)] as const)
      .filter(([type, amount]) => !isCredit(type) && Number(amount) !== 0)
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
};

const sum = (lines: readonly { readonly convertedSubtotal: number }[]): number =>
  lines.reduce((total, { convertedSubtotal }) => total + convertedSubtotal, 0);

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
    const billsOf = async ({ account }: typeof ordered) => {
      const found: Bill[] = [];
      for (const date of [...dates, last]) found.push(...(await world.bills(account.id, date)));
      return found;
    };
    for (const date of [...dates, last]) await world.bill(ordered.account.id, date);
    const halfway = dice.below(dates.length);
    for (const [nth, date] of dice.shuffled(dates).entries()) {
      if (nth === halfway) {
        await use(shuffled, late);
        log.push("late usage");
      }
      const made = await world.bill(shuffled.account.id, date);
      const then = dice.pick(["", "approved", "locked"]);
      log.push(`${date} ${then}: ${made.map((bill) => rowsOf(bill).join(", ")).join(" | ")}`);
      for (const { id } of made) {
        if (then === "approved") await world.approve(id);
        if (then === "locked") await world.approveAndLock(id);
      }
    }
    const again = async (bills: readonly Bill[]): Promise<void> => {
      if (bills.length === 0) return;
      log.push(`again: ${bills.map(({ billDate }) => billDate).join(", ")}`);
      const billIds = bills.map(({ id }) => id);
      await world.finish(await world.create("billjobs/recalculate", { billIds }));
    };
    await again(
      (await billsOf(shuffled)).filter((bill) => bill["locked"] !== true && dice.once(2)),
    );
    // What is open is made again, as before its month is closed; what is approved, the last bill puts right.
    await again((await billsOf(shuffled)).filter(({ status }) => status === "PENDING"));
    await world.bill(shuffled.account.id, last);
    const [is, should] = [await billsOf(shuffled), await billsOf(ordered)];
    for (const bill of should) log.push(`should ${bill.billDate}: ${rowsOf(bill).join(", ")}`);
    for (const bill of is) log.push(`is ${bill.billDate}: ${rowsOf(bill).join(", ")}`);
    const drawn = (type: string) =>
      -sum(is.flatMap(({ lineItems }) => lineItems.filter((line) => line.lineItemType === type)));
    expect(drawn("COMMITMENT_CONSUMED"), log.join("\n")).toBeLessThan(committed + 0.005);
    expect(drawn("BALANCE_CONSUMED"), log.join("\n")).toBeLessThan(funded + 0.005);
    expect(sumsOf(is), log.join("\n")).toEqual(sumsOf(should));
  },
  120_000,
);
