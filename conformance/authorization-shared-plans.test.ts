import { expect, test } from "vitest";
import { inspect } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/**
 * What a parent buys for its children beside what a child buys for itself, for the same calls: both charge them, on one bill
 * or on two, and what the wallets of the family pay is on them once, whoever is billed, in whatever order and however often.
 */

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

const june = "2024-06-01";

interface Scene {
  /** Of the parent's plan, which counts the calls of both. */
  readonly pooled: { readonly price: number; readonly mode: string };
  /** Of the child's own plan, for the same calls. */
  readonly own: { readonly price: number; readonly terms?: object; readonly template?: object };
  readonly funds?: { readonly parent?: string; readonly child?: string };
}

/** The parent uses 10 in May, and the child 20. */
const open = async ({ pooled, own, funds = { parent: "1000", child: "1000" } }: Scene) => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const parent = world().fresh("parent");
  const parentId = await wallets().account(parent);
  const child = world().fresh("child");
  const childId = await wallets().account(child, parent);
  if (funds.parent !== undefined) await wallets().grant(parent, funds.parent);
  if (funds.child !== undefined) await wallets().grant(child, funds.child);
  for (const { accountId, price, terms, template } of [
    { ...pooled, accountId: parentId, terms: { childBillingMode: pooled.mode }, template: {} },
    { terms: {}, template: {}, ...own, accountId: childId },
  ]) {
    const { id: planId } = await world().plan(await world().product(), { ...template });
    await world().price({ planId, aggregationId }, [[0, price]]);
    await world().attach(accountId, planId, { ...terms });
  }
  const ids = [parentId, childId];
  const balanceOf = async (code: string, given: string | undefined): Promise<number> =>
    given === undefined ? 0 : Number(given) - Number((await wallets().wallet(code)).balance);
  const sumOf = (lines: readonly { readonly subtotal: number }[]): number =>
    lines.reduce((sum, { subtotal }) => sum + subtotal, 0);
  return {
    ids,
    use: (account: "parent" | "child", date: string, amount: number, more: object = {}) =>
      wallets().authorize({
        uid: world().fresh("call"),
        account: account === "parent" ? parent : child,
        meter: meter.code,
        ts: `2024-${date}T12:00:00Z`,
        measure: { amount },
        ...more,
      }),
    measure: (account: "parent" | "child", date: string, amount: number) =>
      world().use(meter.code, account === "parent" ? parent : child, [[`2024-${date}`, amount]]),
    /** How often money has moved. */
    moves: () =>
      inspect(url(), async (pool) => {
        const codes = [parent, child];
        const { rows } = await pool.query("SELECT FROM posting WHERE account = ANY($1)", [codes]);
        return rows.length;
      }),
    /** What the bills charge, took of wallets and ask for, and what is gone from each wallet. */
    paid: async (dates: readonly string[] = [june]) => {
      const bills = await Promise.all(
        ids.flatMap((id) => dates.map((date) => world().bills(id, date))),
      );
      const lines = bills.flat().flatMap(({ lineItems }) => lineItems);
      const typed = (type: string) => lines.filter(({ lineItemType }) => lineItemType === type);
      return {
        used: sumOf(typed("USAGE")),
        drawn: -sumOf(typed("BALANCE_CONSUMED")),
        due: bills.flat().reduce((sum, { billTotal }) => sum + billTotal, 0),
        spent: [await balanceOf(parent, funds.parent), await balanceOf(child, funds.child)],
      };
    },
  };
};

type Family = Awaited<ReturnType<typeof open>>;

const billEach = async ({ ids }: Family, dates: readonly string[] = [june]): Promise<void> => {
  for (const id of ids) for (const date of dates) await world().bill(id, date);
};

const billTogether = async ({ ids: accountIds }: Family): Promise<void> => {
  await world().finish(await world().startJob({ billDate: june, accountIds }));
};

test.each([
  { mode: "PARENT_BREAKDOWN", of: 1, beside: 2, terms: {} },
  { mode: "PARENT_SUMMARY", of: 1, beside: 2, terms: { childBillingMode: "CHILD" } },
  { mode: "PARENT_SUMMARY", of: 3, beside: 1, terms: {} },
])(
  "$mode at $of beside a plan at $beside: each pays for its own calls, for both",
  async ({ mode, of, beside, terms }) => {
    const family = await open({
      pooled: { price: of, mode },
      own: { price: beside, terms },
    });
    await family.use("parent", "05-15", 10);
    await family.use("child", "05-15", 20);
    const before = await family.moves();
    const [parent, child] = [10 * of, 20 * of + 20 * beside];
    const settled = { used: parent + child, drawn: parent + child, due: 0, spent: [parent, child] };
    await billTogether(family);
    expect(await family.paid()).toEqual(settled);
    for (let times = 0; times < 2; times += 1) await billEach(family);
    expect(await family.paid()).toEqual(settled);
    // All was paid as it was used.
    expect(await family.moves()).toBe(before);
  },
);

test("a child's weeks beside its parent's month, with an estimate in one of them", async () => {
  const own = {
    price: 2,
    terms: { childBillingMode: "CHILD" },
    template: { billFrequency: "WEEKLY" },
  };
  const family = await open({ pooled: { price: 1, mode: "PARENT_SUMMARY" }, own });
  await family.use("parent", "05-22", 10);
  await family.use("child", "05-16", 8);
  // Of 36 that it costs 6 are paid, so the account of the shared plan pays 30.
  await family.use("child", "05-23", 12, { amount: "6", asset: "USD" });
  const weeks = ["2024-05-21", "2024-05-28"];
  const settled = { used: 70, drawn: 70, due: 0, spent: [40, 30] };
  await billEach(family, [...weeks, june]);
  expect(await family.paid([...weeks, june])).toEqual(settled);
  const before = await family.moves();
  for (const dates of [[june], weeks, [june], weeks.toReversed()]) {
    await billEach(family, dates);
    expect(await family.paid([...weeks, june])).toEqual(settled);
  }
  expect(await family.moves()).toBe(before);
});

test("of what is missing nothing is drawn on two bills, and all that was paid is", async () => {
  const own = { price: 2, terms: { childBillingMode: "CHILD" } };
  const funds = { parent: "15", child: "30" };
  const family = await open({ pooled: { price: 1, mode: "PARENT_SUMMARY" }, own, funds });
  await family.use("parent", "05-15", 10);
  await family.use("child", "05-15", 10);
  // Another 30 dollars, which the child does not have: what was left for its calls is nobody else's.
  await family.measure("child", "05-16", 10);
  for (let times = 0; times < 2; times += 1) {
    await billEach(family);
    expect(await family.paid()).toMatchObject({ used: 70, drawn: 40, due: 30, spent: [10, 30] });
  }
});

test("a parent without a wallet is asked for what its child has not paid", async () => {
  const own = { price: 2, terms: { childBillingMode: "CHILD" } };
  const funds = { child: "1000" };
  const family = await open({ pooled: { price: 1, mode: "PARENT_SUMMARY" }, own, funds });
  await family.measure("parent", "05-15", 10);
  await family.use("child", "05-15", 20);
  for (let times = 0; times < 2; times += 1) {
    await billEach(family);
    expect(await family.paid()).toEqual({ used: 70, drawn: 60, due: 10, spent: [0, 60] });
  }
});

test("a plan of the child's own for the parent's product takes its calls out of the shared plan from that day", async () => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const product = await world().product();
  const [parent, child] = [world().fresh("parent"), world().fresh("child")];
  const parentId = await wallets().account(parent);
  const childId = await wallets().account(child, parent);
  for (const code of [parent, child]) await wallets().grant(code, "1000");
  for (const { accountId, price, terms } of [
    { accountId: parentId, price: 1, terms: { childBillingMode: "PARENT_SUMMARY" } },
    { accountId: childId, price: 2, terms: { startDate: "2024-05-20T00:00:00Z" } },
  ]) {
    const { id: planId } = await world().plan(product);
    await world().price({ planId, aggregationId }, [[0, price]]);
    await world().attach(accountId, planId, terms);
  }
  const use = (account: string, date: string, more: object = {}) => {
    const call = { account, meter: meter.code, ts: `2024-${date}T12:00:00Z`, ...more };
    return wallets().authorize({ uid: world().fresh("call"), ...call, measure: { amount: 10 } });
  };
  await use(child, "05-15");
  // Of an estimate of 15 dollars, 5 come back to who paid them, though another paid later.
  await use(parent, "05-25", { amount: "15", asset: "USD" });
  await use(child, "05-26");
  const balances = () =>
    Promise.all([parent, child].map(async (code) => (await wallets().wallet(code)).balance));
  for (let times = 0; times < 2; times += 1) {
    for (const id of [parentId, childId]) await world().bill(id, june);
    expect(await balances()).toEqual(["990", "970"]);
    expect((await world().lines(parentId, june)).at(-1)).toBe("TOTAL 0");
  }
});

test("where a parent's first plan gives a child's other dates, behind a bill that stands, every run settles the same", async () => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const parentId = await wallets().account(world().fresh("parent"));
  const parent = (await world().get(`accounts/${parentId}`))["code"];
  const child = world().fresh("child");
  const childId = await wallets().account(child, String(parent));
  await wallets().grant(child, "1000");
  const plans = [];
  for (const template of [{}, { billFrequency: "WEEKLY" }]) {
    const { id: planId } = await world().plan(await world().product(), template);
    await world().price({ planId, aggregationId }, [[0, 2]]);
    await world().attach(childId, planId);
    plans.push(planId);
  }
  const call = { account: child, meter: meter.code, ts: "2024-05-18T12:00:00Z" };
  await wallets().authorize({ uid: world().fresh("call"), ...call, measure: { amount: 8 } });
  const dates = ["2024-05-21", june];
  const billAll = async () => {
    for (const date of dates) for (const id of [childId, parentId]) await world().bill(id, date);
  };
  await billAll();
  await world().attach(parentId, plans[0] ?? "", { childBillingMode: "PARENT_SUMMARY" });
  const balances = new Set<string>();
  for (let times = 0; times < 4; times += 1) {
    await billAll();
    balances.add((await wallets().wallet(child)).balance);
  }
  expect(balances.size).toBe(1);
});

test("weekly plans of several children, beside their parent's monthly one and on its bill, are paid for each", async () => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const parent = world().fresh("parent");
  const parentId = await wallets().account(parent);
  const pooled = await world().plan(await world().product());
  const own = await world().plan(await world().product(), { billFrequency: "WEEKLY" });
  await world().price({ planId: pooled.id, aggregationId }, [[0, 1]]);
  await world().price({ planId: own.id, aggregationId }, [[0, 2]]);
  await world().attach(parentId, pooled.id, { childBillingMode: "PARENT_SUMMARY" });
  const children = [world().fresh("child"), world().fresh("child"), world().fresh("child")];
  for (const code of children) {
    await world().attach(await wallets().account(code, parent), own.id);
    await wallets().grant(code, "100");
    const call = { account: code, meter: meter.code, ts: "2024-05-15T12:00:00Z" };
    await wallets().authorize({ uid: world().fresh("call"), ...call, measure: { amount: 10 } });
  }
  for (let times = 0; times < 2; times += 1) {
    const [bill] = await world().bill(parentId, june);
    const drawn = bill?.lineItems.filter(({ lineItemType }) => lineItemType === "BALANCE_CONSUMED");
    // 30 at 1 together, and 10 at 2 of each.
    expect(drawn?.map(({ subtotal }) => subtotal).toSorted()).toEqual([-20, -20, -20, -30]);
    expect(bill?.billTotal).toBe(0);
    for (const code of children)
      expect(await wallets().wallet(code)).toMatchObject({ balance: "70" });
  }
});
