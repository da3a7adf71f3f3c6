import { expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

/**
 * Bills that price the same calls, where wallets had no money for all that is on them: what was paid for one bill pays
 * nothing of another, and what nobody paid is asked for once. A unit costs a dollar.
 */

const { world, wallets } = walletWorld();

const june = "2024-06-01";

/** A call of 10 is charged for two plans; the first of them has a minimum, and prices another meter, too. */
const open = async (funds: string, template: object = {}) => {
  const [shared, own] = [await world().meter(), await world().meter()];
  const code = world().fresh("wallet");
  const id = await wallets().account(code);
  await wallets().grant(code, funds);
  const sell = async (priced: readonly { readonly id: string }[], more: object) => {
    const { id: planId } = await world().plan(await world().product(), { ...more });
    for (const meter of priced)
      await world().price({ planId, aggregationId: await world().aggregation(meter.id) }, [[0, 1]]);
    await world().attach(id, planId, { contractId: await agree(id) });
  };
  await sell([shared, own], template);
  await sell([shared], {});
  const call = { account: code, meter: shared.code, ts: "2024-05-15T12:00:00Z" };
  await wallets().authorize({ uid: world().fresh("call"), ...call, measure: { amount: 10 } });
  return { id, code, own: own.code };
};

const agree = async (accountId: string): Promise<string> => {
  const key = { name: world().fresh("key"), exclusive: true };
  const billGroupingKeyId = await world().create("picklists/billgroupingkeys", key);
  const contract = { accountId, name: world().fresh("contract"), billGroupingKeyId };
  const dates = { startDate: "2024-01-01", endDate: "2025-01-01" };
  return world().create("contracts", { ...contract, ...dates });
};

/** The bill of both plans; of the second one only the shared calls. */
const linesOf = async (accountId: string): Promise<string[][]> =>
  (await world().bill(accountId, june))
    .map(({ lineItems, billTotal }) => [
      ...lineItems.map(({ lineItemType, subtotal }) => `${lineItemType} ${subtotal}`).toSorted(),
      `TOTAL ${billTotal}`,
    ])
    .toSorted((a, b) => b.length - a.length);

const ofSecond = ["BALANCE_CONSUMED -10", "USAGE 10", "TOTAL 0"];

test.each([
  { what: "nothing", funds: "20", paid: [], due: 30 },
  { what: "a part", funds: "25", paid: ["BALANCE_CONSUMED -5"], due: 25 },
  { what: "all", funds: "100", paid: ["BALANCE_CONSUMED -30"], due: 0 },
])("$what of a minimum, as the wallet had money for it", async ({ funds, paid, due }) => {
  const { id, code } = await open(funds, { minimumSpend: 40 });
  for (let times = 0; times < 2; times += 1) {
    const drawn = ["BALANCE_CONSUMED -10", ...paid].toSorted();
    expect(await linesOf(id)).toEqual([
      [...drawn, "MINIMUM_SPEND 30", "USAGE 10", `TOTAL ${due}`],
      ofSecond,
    ]);
    expect((await wallets().wallet(code)).balance).toBe(funds === "100" ? "50" : "0");
  }
});

test("of another meter's usage what the wallet had money for", async () => {
  const { id, code, own } = await open("23");
  await world().use(own, code, [["2024-05-16", 8]]);
  for (let times = 0; times < 2; times += 1) {
    const drawn = ["BALANCE_CONSUMED -10", "BALANCE_CONSUMED -3"];
    expect(await linesOf(id)).toEqual([[...drawn, "USAGE 10", "USAGE 8", "TOTAL 5"], ofSecond]);
    expect((await wallets().wallet(code)).balance).toBe("0");
  }
});

test("of a family's calls, which a plan bills to each member and another to the parent, the parent goes without what it had no money for", async () => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const [parent, child] = [world().fresh("parent"), world().fresh("child")];
  const parentId = await wallets().account(parent);
  const childId = await wallets().account(child, parent);
  await wallets().grant(parent, "5");
  await wallets().grant(child, "100");
  for (const childBillingMode of ["PARENT_SUMMARY", "CHILD"]) {
    const { id: planId } = await world().plan(await world().product());
    await world().price({ planId, aggregationId }, [[0, 1]]);
    await world().attach(parentId, planId, { childBillingMode });
  }
  // The parent uses 5, of which the wallet pays 2 twice and half of the third; the child 7, of which it pays all.
  const call = { meter: meter.code, ts: "2024-05-15T12:00:00Z" };
  const use = (account: string, amount: number) =>
    wallets().authorize({ uid: world().fresh("call"), account, ...call, measure: { amount } });
  await use(parent, 1);
  await world().use(meter.code, parent, [["2024-05-16", 4]]);
  await use(child, 7);
  const accountIds = [parentId, childId];
  for (const ids of [accountIds, accountIds.toReversed()]) {
    for (const accountId of ids) await world().bill(accountId, june);
    const bills = await Promise.all(accountIds.map((id) => world().bills(id, june)));
    // The parent's bill is of both plans.
    expect(bills.map(([bill]) => bill?.billTotal)).toEqual([5, 0]);
    expect((await wallets().wallet(parent)).balance).toBe("0");
    expect((await wallets().wallet(child)).balance).toBe("86");
  }
});
