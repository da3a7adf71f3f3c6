import { describe, expect, test } from "vitest";
import { inspect, waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { type Bands, ownDatabase, walletWorld } from "./wallet-world.ts";

/**
 * Two plans price the calls of an account, and have bills of their own: what the wallet paid for both is on each as far
 * as that bill charges, whichever is made first and however often.
 */

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

interface Sold {
  readonly bands: Bands;
  readonly template?: object;
  /** Under a contract that has its own bill. */
  readonly isApart?: boolean;
  readonly dates?: { readonly startDate?: string; readonly endDate?: string };
}

const agree = async (accountId: string): Promise<{ contractId: string }> => {
  const key = { name: world().fresh("key"), exclusive: true };
  const billGroupingKeyId = await world().create("picklists/billgroupingkeys", key);
  const contract = { name: world().fresh("contract"), billGroupingKeyId };
  const dates = { startDate: "2024-01-01", endDate: "2025-01-01" };
  return { contractId: await world().create("contracts", { accountId, ...contract, ...dates }) };
};

const open = async (sold: readonly Sold[], funds = "1000") => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const code = world().fresh("wallet");
  const id = await wallets().account(code);
  await wallets().grant(code, funds);
  const plans = [];
  for (const { bands, template = {}, isApart = false, dates = {} } of sold) {
    const { id: planId } = await world().plan(await world().product(), { ...template });
    const pricingId = await world().price({ planId, aggregationId }, bands);
    const terms = { ...dates, ...(isApart ? await agree(id) : {}) };
    plans.push({ pricingId, attachedId: await world().attach(id, planId, terms) });
  }
  const billsOf = async (dates: readonly string[]) =>
    (await Promise.all(dates.map((date) => world().bills(id, date)))).flat();
  return {
    id,
    plans,
    billsOf,
    use: (date: string, amount: number, estimate: object = {}) =>
      wallets().authorize({
        ...estimate,
        uid: world().fresh("call"),
        account: code,
        meter: meter.code,
        ts: `2024-${date}T12:00:00Z`,
        measure: { amount },
      }),
    /** How often money has moved. */
    moves: () =>
      inspect(url(), async (pool) => {
        const { rows } = await pool.query("SELECT FROM posting WHERE account = $1", [code]);
        return rows.length;
      }),
    measure: (date: string, amount: number) =>
      world().use(meter.code, code, [[`2024-${date}`, amount]]),
    /** What each bill charges and asks for, all that they took of the wallet, and what is gone from it. */
    paid: async (...dates: string[]) => {
      const bills = await billsOf(dates);
      const sums = (type: string): number[] =>
        bills.map(({ lineItems }) =>
          lineItems
            .filter(({ lineItemType }) => lineItemType === type)
            .reduce((sum, { subtotal }) => sum + subtotal, 0),
        );
      const { balance } = await wallets().wallet(code);
      return {
        used: sums("USAGE"),
        due: bills.map(({ billTotal }) => billTotal),
        drawn: sums("BALANCE_CONSUMED").reduce((sum, one) => sum - one, 0),
        spent: Number(funds) - Number(balance),
      };
    },
  };
};

const june = "2024-06-01";
const july = "2024-07-01";
const weekly = { billFrequency: "WEEKLY" };

test("of two contracts with bills of their own, calculated together, alone and beside a locked one", async () => {
  const { id, use, billsOf, paid } = await open([
    { bands: [[0, 1]] },
    { bands: [[0, 2]], isApart: true },
  ]);
  await use("05-15", 10);
  await world().bill(id, june);
  const settled = { used: expect.arrayContaining([10, 20]), due: [0, 0], drawn: 30, spent: 30 };
  expect(await paid(june)).toEqual(settled);
  const bills = await billsOf([june]);
  for (const bill of [...bills, ...bills.toReversed()]) {
    const billIds = [bill.id];
    await world().finish(await world().create("billjobs/recalculate", { billIds }));
    expect(await paid(june)).toEqual(settled);
  }
  const [first = bills[0]] = bills;
  await world().approve(first?.id ?? "");
  await world().api.call("PUT", `bills/${first?.id}/lock`, {});
  await world().bill(id, june);
  expect(await paid(june)).toEqual(settled);
});

test("what a month gives back of its minimum stays given back when a week in it is billed again", async () => {
  const atLeast = { minimumSpend: 40, minimumSpendBillInAdvance: true };
  const { id, use, paid } = await open([
    { bands: [[0, 1]], template: atLeast, dates: { startDate: "2024-05-01T00:00:00Z" } },
    { bands: [[0, 2]], template: weekly, dates: { startDate: "2024-05-07T00:00:00Z" } },
  ]);
  await use("05-15", 10);
  await use("05-23", 10);
  const [may, week, next] = ["2024-05-01", "2024-05-21", "2024-05-28"];
  for (const billDate of [may, week, next]) await world().bill(id, billDate);
  for (const billDate of [june, week, june, next, week]) {
    await world().bill(id, billDate);
    // The 40 that were charged on the first pay May's 20 × 1, and the wallet 10 × 2 of each week.
    expect(await paid(may, week, next, june)).toEqual({
      used: [0, 20, 20, 20],
      due: [40, 0, 0, 40],
      drawn: 40,
      spent: 40,
    });
  }
});

describe("of a plan that is billed by the month, and one by the week", () => {
  // Weeks begin on Tuesdays; one of them is of both months.
  const weeks = ["2024-05-21", "2024-06-04"];
  const months = [june, july];

  test.each([
    { order: "weeks first", dates: [...weeks, ...months] },
    { order: "months first", dates: [...months, ...weeks] },
    { order: "as they end", dates: [weeks[0], june, weeks[1], july] },
  ])("$order", async ({ dates }) => {
    const { id, use, measure, paid } = await open([
      {
        bands: [
          [0, 1],
          [15, 0.5],
        ],
      },
      { bands: [[0, 2]], template: weekly },
    ]);
    // In May 10 × 1 + 10 × 1 or 0.50, and 20 × 2; in June 10 × 1 and 10 × 2.
    await use("05-15", 10);
    const { uid } = await use("05-29", 7);
    await use("05-30", 3);
    await use("06-02", 10);
    for (let times = 0; times < 2; times += 1) {
      for (const billDate of dates.filter((date) => date !== undefined))
        await world().bill(id, billDate);
      expect(await paid(...weeks, ...months)).toEqual({
        used: [20, 40, 17.5, 10],
        due: [0, 0, 0, 0],
        drawn: 87.5,
        spent: 87.5,
      });
    }
    await waitForRelay(url());
    // What comes or goes later is paid and given back of both, too.
    await wallets().post(`measurements/${uid}/void`, { reason: "it was wrong" });
    await waitForVoids(url());
    await measure("05-16", 2);
    for (let times = 0; times < 2; times += 1) {
      for (const billDate of dates.filter((date) => date !== undefined))
        await world().bill(id, billDate);
      expect(await paid(...weeks, ...months)).toEqual({
        used: [24, 26, 15, 10],
        due: [0, 0, 0, 0],
        drawn: 75,
        spent: 75,
      });
    }
  });
});

test("of a child's plan that is billed with its parent by the week, though it is a month's, and a share of the parent's", async () => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const [parent, child] = [world().fresh("parent"), world().fresh("child")];
  const parentId = await wallets().account(parent);
  const childId = await wallets().account(child, parent);
  await wallets().grant(child, "1000");
  for (const { accountId, price, template, terms } of [
    { accountId: parentId, price: 1, template: weekly, terms: { childBillingMode: "CHILD" } },
    { accountId: childId, price: 2, template: {}, terms: {} },
  ]) {
    const { id: planId } = await world().plan(await world().product(), { ...template });
    await world().price({ planId, aggregationId }, [[0, price]]);
    await world().attach(accountId, planId, { ...terms });
  }
  const call = { account: child, meter: meter.code, measure: { amount: 10 } };
  await wallets().authorize({ uid: world().fresh("call"), ts: "2024-05-15T12:00:00Z", ...call });
  const [week, later] = ["2024-05-21", "2024-06-04"];
  for (const accountId of [childId, parentId, childId]) {
    for (const date of [week, later]) await world().bill(accountId, date);
    expect((await wallets().wallet(child)).balance).toBe("970");
  }
  const totals = async (id: string, date: string) =>
    (await world().bills(id, date)).map(({ lineItems, billTotal }) => [
      ...lineItems.map(({ lineItemType, subtotal }) => `${lineItemType} ${subtotal}`),
      billTotal,
    ]);
  expect(await totals(childId, week)).toEqual([["USAGE 10", "BALANCE_CONSUMED -10", 0]]);
  expect(await totals(parentId, later)).toEqual([["USAGE 20", "BALANCE_CONSUMED -20", 0]]);
});

test("of contracts one of which begins inside the month, where the close pays for the time before", async () => {
  const dates = { startDate: "2024-05-20T00:00:00Z" };
  const { id, use, billsOf, paid, moves } = await open([
    { bands: [[0, 1]], isApart: true },
    { bands: [[0, 2]], isApart: true, dates },
  ]);
  await use("05-16", 10, { amount: "2", asset: "USD" });
  await use("05-25", 5);
  await world().bill(id, june);
  const before = await moves();
  const bills = await billsOf([june]);
  for (const bill of [...bills, ...bills]) {
    const billIds = [bill.id];
    await world().finish(await world().create("billjobs/recalculate", { billIds }));
    const used = expect.arrayContaining([15, 10]);
    expect(await paid(june)).toEqual({ used, due: [0, 0], drawn: 25, spent: 25 });
  }
  expect(await moves()).toBe(before);
});

describe("beside a week that is approved", () => {
  const week = "2024-05-21";

  const approveWeek = async () => {
    const payer = await open([{ bands: [[0, 1]], template: weekly }, { bands: [[0, 2]] }]);
    await payer.use("05-16", 10);
    await world().bill(payer.id, week);
    for (const { id } of await payer.billsOf([week])) await world().approve(id);
    return payer;
  };
  const settled = { used: [10, 20], due: [0, 0], drawn: 30, spent: 30 };

  test.each([
    {
      what: "the price of the week is raised",
      change: async ({ plans: [weeks] }: Awaited<ReturnType<typeof approveWeek>>) => {
        const path = `pricings/${weeks?.pricingId}`;
        const pricingBands = [{ lowerLimit: 0, unitPrice: 3, fixedPrice: 0 }];
        await world().api.call("PUT", path, { ...(await world().get(path)), pricingBands });
      },
    },
    {
      what: "the plan of the week is taken away",
      change: async ({ plans: [weeks] }: Awaited<ReturnType<typeof approveWeek>>) => {
        await world().api.call("DELETE", `accountplans/${weeks?.attachedId}`);
      },
    },
  ])("$what: it stands, and so does what was paid for it", async ({ change }) => {
    const payer = await approveWeek();
    await change(payer);
    for (const billDate of [june, "2024-05-28", june, "2024-05-28"]) {
      await world().bill(payer.id, billDate);
      expect(await payer.paid(week, june)).toEqual(settled);
    }
  });
});

describe("what nobody paid is asked for once, and what was paid is taken once", () => {
  /** The wallet's 15 dollars pay 2 units, which cost 3 each, and 9 dollars of the 24 that others cost. */
  const spend = async (other: Partial<Sold>) => {
    const payer = await open([{ bands: [[0, 1]] }, { bands: [[0, 2]], ...other }], "15");
    await payer.use("05-15", 2);
    await payer.measure("05-16", 8);
    return payer;
  };

  test("by contracts with bills of their own", async () => {
    const { id, paid, billsOf } = await spend({ isApart: true });
    for (let times = 0; times < 2; times += 1) {
      await world().bill(id, june);
      // What is missing is asked for by the plan that was attached last.
      expect(await paid(june)).toMatchObject({ drawn: 15, spent: 15 });
    }
    const due = async () =>
      (await billsOf([june])).map(({ billTotal }) => billTotal).toSorted((a, b) => a - b);
    expect(await due()).toEqual([0, 15]);
    for (const bill of await billsOf([june])) await world().approve(bill.id);
    await world().bill(id, june);
    expect(await due()).toEqual([0, 15]);
    // Nothing is put right on the next ones.
    await world().bill(id, july);
    expect(await paid(july)).toMatchObject({ drawn: 0, spent: 15 });
    expect((await billsOf([july])).map(({ billTotal }) => billTotal)).toEqual([0, 0]);
  });

  test.each([
    { order: "week first", dates: ["2024-05-21", june] },
    { order: "month first", dates: [june, "2024-05-21"] },
  ])("by the month and by the week, $order", async ({ dates }) => {
    const { id, paid } = await spend({ template: weekly });
    for (let times = 0; times < 2; times += 1) {
      for (const billDate of dates) await world().bill(id, billDate);
      expect(await paid("2024-05-21", june)).toEqual({
        used: [20, 10],
        due: [15, 0],
        drawn: 15,
        spent: 15,
      });
    }
  });

  test.each([
    {
      where: "before the other begins",
      dates: { startDate: "2024-05-20T00:00:00Z" },
      unpaid: "17",
    },
    {
      where: "after the other has ended",
      dates: { endDate: "2024-05-20T00:00:00Z" },
      unpaid: "25",
    },
  ])("by contracts with bills of their own, $where", async ({ dates, unpaid }) => {
    const { id, use, measure, paid } = await open(
      [{ bands: [[0, 1]] }, { bands: [[0, 2]], isApart: true, dates }],
      "15",
    );
    // Both price the first call, one of them the second.
    await use(unpaid === "17" ? "05-25" : "05-17", 5);
    await measure(`05-${unpaid}`, 10);
    for (let times = 0; times < 2; times += 1) {
      await world().bill(id, june);
      expect(await paid(june)).toEqual({
        used: expect.arrayContaining([15, 10]),
        due: expect.arrayContaining([10, 0]),
        drawn: 15,
        spent: 15,
      });
    }
  });
});
