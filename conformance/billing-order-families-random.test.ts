import { beforeAll, expect, test } from "vitest";
import { Wallets } from "./authorization-client.ts";
import { billingScenario } from "./billing-scenario.ts";
import { diceOf } from "./random-family.ts";
import { halfDollar, worthInDollars } from "./random-order-prices.ts";
import { estimatedMost, openFamily, type OrderedFamily } from "./random-order-families.ts";
import { ample, datesOf, drawFamily, type FamilyTerms } from "./random-order-terms.ts";
import {
  billInDisorder,
  billInOrder,
  billsOf,
  billText,
  chargesOf,
  drawn,
  type LabelOf,
  sumsOf,
} from "./random-orders.ts";
import { ownDatabase } from "./wallet-world.ts";

/**
 * In whichever order the bills of a family are made, approved and locked, and whatever comes late: with the last ones they ask
 * each account for what the bills of such a family ask for that are made once, in date order; its wallets pay the same, and
 * its bills draw what they paid.
 */

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 3);
const firstSeed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const seeds = Array.from({ length: runs }, (_, nth) => firstSeed + nth);

const url = ownDatabase();
const scenario = billingScenario(() => ({ DATABASE_URL: url() }));
const opened: { wallets?: Wallets } = {};

beforeAll(async () => {
  opened.wallets = await Wallets.open(scenario.world.server);
  await opened.wallets.asset("USD", 6);
  await opened.wallets.asset(halfDollar, 6);
  await scenario.world.configure({ currencyConversions: worthInDollars });
});

/**
 * Where children are shown as one, a line says whose it is only if it is the only one. Whose usage is overage is said by the
 * order of bills.
 */
const labelIn = ({ sales }: FamilyTerms, { nameOf }: Pick<OrderedFamily, "nameOf">): LabelOf => {
  const isSummary = sales.some(
    ({ accountPlan }) => accountPlan["childBillingMode"] === "PARENT_SUMMARY",
  );
  return ({ accountId }, { lineItemType, childAccountCode = "" }) =>
    lineItemType.startsWith("OVERAGE")
      ? ""
      : `${nameOf.get(accountId)} ${isSummary ? "" : (nameOf.get(childAccountCode) ?? "")} `;
};

/** What credits say that was taken of them. */
const takenOf = async ({ credits }: OrderedFamily) => {
  const taken = [];
  for (const { path, amount } of credits) {
    const { amountSpent, amount: left } = await scenario.world.get(path);
    taken.push({ path, amount, spent: Number(amountSpent ?? amount - Number(left)) });
  }
  return taken;
};

const sumOf = (amounts: readonly number[]): number => amounts.reduce((sum, one) => sum + one, 0);

test.each(seeds)(
  "bills of a family in any order, locked or not, come to what they come to in order: TURNPIKE_SEED=%i TURNPIKE_PROPERTY_RUNS=1",
  async (seed) => {
    const { wallets } = opened;
    if (wallets === undefined) throw new Error("no server");
    const dice = diceOf(seed);
    const terms = drawFamily(dice);
    const parts = { scenario, wallets, databaseUrl: url() };
    const [ordered, shuffled] = [await openFamily(parts, terms), await openFamily(parts, terms)];
    const billed = ({ accountIds }: OrderedFamily) => ({
      world: scenario.world,
      accountIds,
      ...datesOf(terms),
    });

    await ordered.undo(await ordered.use([...terms.early, ...terms.late]));
    await billInOrder(billed(ordered));

    const log: string[] = [];
    const early = await shuffled.use(terms.early);
    await billInDisorder({
      ...billed(shuffled),
      dice,
      say: (text) => void log.push(text),
      useMore: async () => {
        await shuffled.use(terms.late);
        await shuffled.undo(early);
      },
    });

    const [is, should] = [await billsOf(billed(shuffled)), await billsOf(billed(ordered))];
    for (const bill of should) log.push(`should ${billText(bill)}`);
    for (const bill of is) log.push(`is ${billText(bill)}`);
    const names = [...ordered.nameOf, ...shuffled.nameOf];
    const text = names.reduce((said, [id, name]) => said.replaceAll(id, name), log.join("\n"));
    const history = `${JSON.stringify(terms)}\n${text}`;
    const [spent, taken] = [await shuffled.spent(), await takenOf(shuffled)];
    for (const one of taken) expect(one.spent, history).toBeLessThan(one.amount + 0.005);
    expect(sumsOf(chargesOf(is), labelIn(terms, shuffled)), history).toEqual(
      sumsOf(chargesOf(should), labelIn(terms, ordered)),
    );
    if (terms.funds === ample) expect(spent, history).toEqual(await ordered.spent());
    for (const one of Object.values(spent))
      expect(Number(one), history).toBeLessThan(terms.funds + 0.005);
    const takenFrom = (kind: string) =>
      sumOf(taken.filter(({ path }) => path.startsWith(kind)).map((one) => one.spent));
    const paid = sumOf(
      Object.entries(spent).map(([of, one]) => Number(one) * (of.endsWith(halfDollar) ? 0.5 : 1)),
    );
    expect(drawn(is, "COMMITMENT_CONSUMED"), history).toBeCloseTo(takenFrom("commitments"));
    // Of a part of a month a bill draws whole cents.
    const apart = drawn(is, "BALANCE_CONSUMED") - takenFrom("balances") - paid;
    expect(apart, history).toBeLessThan(0.05);
    expect(apart, history).toBeGreaterThan(-estimatedMost(terms) - 0.05);
  },
  240_000,
);
