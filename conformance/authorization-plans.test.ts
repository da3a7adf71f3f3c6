import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { walletWorld } from "./wallet-world.ts";

/**
 * Which of an account's plans prices a call, at what time and in what currency: what a call costs is what the bill says.
 * May 2024 is billed on June 1.
 */

const june = "2024-06-01";

const { world, wallets } = walletWorld();

beforeAll(async () => {
  await wallets().asset("EUR", 6);
});

const on = (day: number): string => `2024-05-${String(day).padStart(2, "0")}T12:00:00Z`;

interface Payer {
  readonly code: string;
  readonly id: string;
}

const open = async (funds: string, changes = {}): Promise<Payer> => {
  const payer = await world().account(changes);
  await wallets().grant(payer.code, funds);
  return payer;
};

const callOf = (
  { code }: Payer,
  meter: string,
  { day = 15, measure = 1, ...more }: Record<string, unknown> & { day?: number; measure?: number },
) => ({
  uid: world().fresh("call"),
  account: code,
  meter,
  mode: "charge",
  ts: on(day),
  measure: { amount: measure },
  ...more,
});

const use = (payer: Payer, meter: string, call: Parameters<typeof callOf>[2] = {}) =>
  wallets().authorize(callOf(payer, meter, call));

const balances = async ({ id }: Payer): Promise<Record<string, string>> => {
  const { body } = await wallets().client.call("GET", `accounts/${id}/wallet`);
  const { accounts } = walletOf.parse(body);
  return Object.fromEntries(accounts.map(({ asset, balance }) => [asset, balance]));
};

const walletOf = z.object({
  accounts: z.array(z.object({ asset: z.string(), balance: z.string() })),
});

/** A product with a meter whose sum a plan prices. */
const sell = async (unitPrice = 1, { aggregation = "SUM", template = {} } = {}) => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId, template);
  const aggregationId = await world().aggregation(meter.id, { aggregation });
  await world().price({ planId: plan.id, aggregationId }, [[0, unitPrice]]);
  return { productId, meter: meter.code, plan, aggregationId };
};

test("400 for a price in another asset than the plan's, which would be taken beside the plan's", async () => {
  const { meter, plan } = await sell();
  const payer = await open("100");
  await world().attach(payer.id, plan.id);
  await wallets().grant(payer.code, "50", { asset: "EUR" });
  const refused = await wallets().client.call(
    "POST",
    "authorizations",
    callOf(payer, meter, { measure: 8, amount: "7", asset: "EUR" }),
  );
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: "asset" }] } });
  // In the plan's currency it is an estimate, which the close makes 8 × 1.
  expect(await use(payer, meter, { measure: 8, amount: "7", asset: "USD" })).toMatchObject({
    amount: "7",
  });
  expect(await world().lines(payer.id, june)).toEqual([
    "USAGE 8",
    "BALANCE_CONSUMED -8",
    "TOTAL 0",
  ]);
  expect(await balances(payer)).toEqual({ EUR: "50", USD: "92" });
});

test("before its plan begins, and where no plan prices the meter, a call has any asset", async () => {
  const { meter, plan } = await sell();
  const payer = await open("100");
  await world().attach(payer.id, plan.id, { startDate: "2024-05-10T00:00:00Z" });
  await wallets().grant(payer.code, "50", { asset: "EUR" });
  const euros = { amount: "7", asset: "EUR" };
  expect(await use(payer, meter, { day: 5, ...euros })).toMatchObject({ amount: "7" });
  const unsold = await world().meter(await world().product());
  expect(await use(payer, unsold.code, euros)).toMatchObject({ amount: "7" });
  expect(await balances(payer)).toEqual({ EUR: "36", USD: "100" });
});

test("an upper bound for what does not add up is in the plan's currency too; another asset may pay it", async () => {
  const { meter, plan } = await sell(1, { aggregation: "MAX" });
  const payer = await open("3");
  await world().attach(payer.id, plan.id);
  await wallets().grant(payer.code, "50", { asset: "EUR" });
  const since = { effectiveAt: "2020-01-01T00:00:00Z" };
  await wallets().client.create("assetrates", { from: "EUR", to: "USD", rate: "2", ...since });
  const bound = { measure: 5, maxAmount: "5" };
  const refused = await wallets().client.call(
    "POST",
    "authorizations",
    callOf(payer, meter, { ...bound, assets: ["EUR"] }),
  );
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: "assets" }] } });
  expect(await use(payer, meter, { ...bound, assets: ["USD", "EUR"] })).toMatchObject({
    decision: "allow",
    amount: "5",
  });
  expect(await world().lines(payer.id, june)).toEqual([
    "USAGE 5",
    "BALANCE_CONSUMED -5",
    "TOTAL 0",
  ]);
  // 3 dollars, and a euro for the other two.
  expect(await balances(payer)).toEqual({ EUR: "49", USD: "0" });
});

/** A formula over aggregations of meters, priced by a plan. */
const priceFormula = async (
  { productId, planId }: { readonly productId: string; readonly planId: string },
  calculation: string,
  { unitPrice = 1, ...terms }: Record<string, unknown> & { unitPrice?: number } = {},
): Promise<void> => {
  const compoundAggregationId = await world().create("compoundaggregations", {
    name: "Formula",
    code: world().fresh("formula"),
    productId,
    calculation,
    rounding: "NONE",
    quantityPerUnit: 1,
    unit: "unit",
  });
  await world().price({ planId, compoundAggregationId }, [[0, unitPrice]], terms);
};

/** A plan without prices, for meters whose sums have codes. */
const offer = async (count: number) => {
  const productId = await world().product();
  const { id: planId } = await world().plan(productId);
  const sums: { readonly code: string; readonly meter: string; readonly id: string }[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    const meter = await world().meter(productId);
    const code = world().fresh("sum");
    const id = await world().aggregation(meter.id, { code });
    sums.push({ code, meter: meter.code, id });
  }
  return { productId, planId, sums };
};

test("what a formula prices is paid by the wallet or the invoice, not by both", async () => {
  const { sums, ...offered } = await offer(1);
  const [sum] = sums;
  if (sum === undefined) throw new Error("no sum");
  const { code, meter } = sum;
  await priceFormula(offered, `aggregation.${code} * 1`);
  const payer = await open("100");
  await world().attach(payer.id, offered.planId);
  expect(await use(payer, meter)).toMatchObject({ reasons: [{ code: "CANNOT_RATE" }] });
  const call = callOf(payer, meter, { amount: "7", asset: "EUR" });
  expect(await wallets().client.call("POST", "authorizations", call)).toMatchObject({
    status: 400,
    body: { errors: [{ field: "asset" }] },
  });
  expect(await use(payer, meter, { measure: 10, amount: "10", asset: "USD" })).toMatchObject({
    decision: "allow",
  });
  // 2 more than was estimated.
  await use(payer, meter, { measure: 5, maxAmount: "3", assets: ["USD"] });
  expect(await balances(payer)).toEqual({ USD: "87" });
  const bill = ["USAGE 15", "BALANCE_CONSUMED -15", "TOTAL 0"];
  expect(await world().lines(payer.id, june)).toEqual(bill);
  expect(await balances(payer)).toEqual({ USD: "85" });
  expect(await world().lines(payer.id, june)).toEqual(bill);
  expect(await balances(payer)).toEqual({ USD: "85" });
});

test("meters of one formula are settled together, and with what else prices one of them", async () => {
  const { sums, ...offered } = await offer(3);
  const [first, second, third] = sums;
  if (first === undefined || second === undefined || third === undefined)
    throw new Error("no sums");
  const sumOf = ([one, other]: readonly [typeof first, typeof first]) =>
    `aggregation.${one.code} + aggregation.${other.code}`;
  await priceFormula(offered, sumOf([first, second]), { unitPrice: 2 });
  await priceFormula(offered, sumOf([second, first]));
  const { planId } = offered;
  await world().price({ planId, aggregationId: second.id }, [[0, 0.5]]);
  await world().price({ planId, aggregationId: third.id }, [[0, 1]]);
  const payer = await open("100");
  await world().attach(payer.id, planId);
  await use(payer, first.meter, { measure: 4, amount: "15", asset: "USD" });
  await use(payer, second.meter, { measure: 6, amount: "9", asset: "USD" });
  expect(await use(payer, third.meter, { measure: 3 })).toMatchObject({ amount: "3" });
  expect(await balances(payer)).toEqual({ USD: "73" });
  // (4 + 6) × 2, (6 + 4) × 1 and 6 × 0.5 are 33, of which 24 were paid; 3 × 1 is by itself.
  const bill = (await world().lines(payer.id, june)).toSorted();
  expect(bill.filter((line) => line.startsWith("USAGE"))).toEqual([
    "USAGE 10",
    "USAGE 20",
    "USAGE 3",
    "USAGE 3",
  ]);
  expect(bill).toContain("TOTAL 0");
  expect(await balances(payer)).toEqual({ USD: "64" });
  // One of the second costs 2 + 1 + 0.50 more: of 9, 5.50 are given back.
  await use(payer, second.meter, { measure: 1, amount: "9", asset: "USD" });
  expect(await world().lines(payer.id, june)).toContain("TOTAL 0");
  expect(await balances(payer)).toEqual({ USD: "60.5" });
});

test("what a call of its own price paid stays, where the plan only credits what its meter counts", async () => {
  const { productId, planId, sums } = await offer(2);
  const [alone, named] = sums;
  if (alone === undefined || named === undefined) throw new Error("no sums");
  const credit = { type: "PRODUCT_CREDIT" };
  await world().price({ planId, aggregationId: alone.id }, [[0, 1]], credit);
  await priceFormula({ productId, planId }, `aggregation.${named.code}`, { ...credit });
  const payer = await open("100");
  await world().attach(payer.id, planId);
  for (const { meter } of sums) await use(payer, meter, { amount: "5", asset: "USD" });
  expect((await world().lines(payer.id, june)).at(-1)).toBe("TOTAL 0");
  expect(await balances(payer)).toEqual({ USD: "90" });
});

test("a call is of the product of the plan that prices its meter, however its price is known", async () => {
  const productId = await world().product();
  const { id: planId } = await world().plan(productId);
  const payer = await world().account();
  await world().attach(payer.id, planId);
  const budgetId = await world().create("budgets", {
    code: world().fresh("budget"),
    scope: { account: payer.code, product: productId },
    asset: "USD",
    limit: "4",
    window: "lifetime",
  });
  await wallets().grant(payer.code, "10", { appliesTo: { products: [productId] } });
  const prices: readonly [string, Record<string, unknown>][] = [
    ["SUM", {}],
    ["SUM", { amount: "1", asset: "USD" }],
    ["MAX", { maxAmount: "1", assets: ["USD"] }],
    ["MAX", { amount: "1", asset: "USD" }],
  ];
  for (const [nth, [aggregation, price]] of prices.entries()) {
    // Of no product itself.
    const meter = await world().meter();
    const aggregationId = await world().aggregation(meter.id, { aggregation });
    await world().price({ planId, aggregationId }, [[0, 1]]);
    expect(await use(payer, meter.code, price)).toMatchObject({ decision: "allow", amount: "1" });
    expect(await world().get(`budgets/${budgetId}`)).toMatchObject({ used: String(nth + 1) });
    if (nth < 3) continue;
    expect(await use(payer, meter.code, price)).toMatchObject({
      reasons: [{ code: "BUDGET_EXCEEDED" }],
    });
  }
});

test("a template's price counts where the plan has none of its own, each piece from its own beginning", async () => {
  const { meter, plan, aggregationId } = await sell(0);
  // 2 each for the first three, then 1, but for the second week, in which the plan has them at 3.
  await world().price({ planTemplateId: plan.templateId, aggregationId }, [
    [0, 2],
    [3, 1],
  ]);
  const [own] = await world().list(`pricings?planId=${plan.id}`);
  const week = { startDate: "2024-05-08T00:00:00Z", endDate: "2024-05-15T00:00:00Z" };
  const pricingBands = [{ lowerLimit: 0, unitPrice: 3, fixedPrice: 0 }];
  await wallets().client.put(`pricings/${String(own?.["id"])}`, { ...own, ...week, pricingBands });
  const payer = await open("100");
  await world().attach(payer.id, plan.id);
  // 3 × 2 + 1, then 3 × 3, then 3 × 2 again.
  expect(await use(payer, meter, { day: 2, measure: 4 })).toMatchObject({ amount: "7" });
  expect(await use(payer, meter, { day: 10, measure: 3 })).toMatchObject({ amount: "9" });
  expect(await use(payer, meter, { day: 20, measure: 3 })).toMatchObject({ amount: "6" });
  expect((await world().lines(payer.id, june)).toSorted()).toEqual([
    "BALANCE_CONSUMED -6",
    "BALANCE_CONSUMED -7",
    "BALANCE_CONSUMED -9",
    "TOTAL 0",
    "USAGE 6",
    "USAGE 7",
    "USAGE 9",
  ]);
  expect(await balances(payer)).toEqual({ USD: "78" });
});

test("a price that is added for later leaves the calls of today where they are", async () => {
  const { meter, plan, aggregationId } = await sell();
  const [own] = await world().list(`pricings?planId=${plan.id}`);
  await wallets().client.remove(`pricings/${String(own?.["id"])}`);
  await world().price({ planTemplateId: plan.templateId, aggregationId }, [
    [0, 1],
    [10, 2],
  ]);
  const payer = await open("100");
  await world().attach(payer.id, plan.id);
  await use(payer, meter, { day: 2, measure: 4 });
  const hold = async (measure: number): Promise<() => Promise<unknown>> => {
    const held = callOf(payer, meter, { mode: "hold", measure });
    const { amount } = await wallets().authorize(held);
    amounts.push(amount);
    return () => wallets().act(held.uid, "settle", { sequence: 1, measure: { amount: measure } });
  };
  const amounts: string[] = [];
  // Behind the first six, whatever they settle at, two cost 2 each.
  const settlements = [await hold(6), await hold(2)];
  const later = { startDate: "2024-08-01T00:00:00Z", endDate: "2024-09-01T00:00:00Z" };
  await world().price({ planId: plan.id, aggregationId }, [[0, 5]], later);
  settlements.push(await hold(2));
  expect(amounts).toEqual(["6", "4", "4"]);
  for (const settle of settlements) await settle();
  // 4 + 6 + 4 × 2: 14 units are 10 × 1 + 4 × 2.
  expect((await world().lines(payer.id, june)).toSorted()).toEqual([
    "BALANCE_CONSUMED -18",
    "TOTAL 0",
    "USAGE 18",
  ]);
  expect(await balances(payer)).toEqual({ USD: "82" });
});

test("an account of a plan group is priced by each of its plans", async () => {
  const [first, second] = [await sell(2), await sell(3)];
  const code = world().fresh("group");
  const group = { name: code, code, currency: "USD", standingCharge: 0 };
  const planGroupId = await world().create("plangroups", group);
  const join = (planId: string) => world().create("plangrouplinks", { planGroupId, planId });
  await join(first.plan.id);
  const payer = await open("100");
  const startDate = "2024-01-01T00:00:00Z";
  await world().create("accountplans", { accountId: payer.id, planGroupId, startDate });
  expect(await use(payer, second.meter)).toMatchObject({ reasons: [{ code: "CANNOT_RATE" }] });
  await join(second.plan.id);
  expect(await use(payer, first.meter, { measure: 4 })).toMatchObject({ amount: "8" });
  expect(await use(payer, second.meter, { measure: 5 })).toMatchObject({ amount: "15" });
  // What was never authorized is charged by the group as well: 1 × 2.
  await world().use(first.meter, payer.code, [["2024-05-16", 1]]);
  expect(await balances(payer)).toEqual({ USD: "75" });
  expect((await world().lines(payer.id, june)).toSorted()).toEqual([
    "BALANCE_CONSUMED -10",
    "BALANCE_CONSUMED -15",
    "TOTAL 0",
    "USAGE 10",
    "USAGE 15",
  ]);
  expect(await balances(payer)).toEqual({ USD: "75" });
});

test("a parent's plan that bills each child for itself prices them together, at one position", async () => {
  const { meter, plan } = await sell(0.1);
  const [pricing] = await world().list(`pricings?planId=${plan.id}`);
  const pricingBands = [
    { lowerLimit: 0, unitPrice: 0.1, fixedPrice: 0 },
    { lowerLimit: 100, unitPrice: 0.05, fixedPrice: 0 },
  ];
  await wallets().client.put(`pricings/${String(pricing?.["id"])}`, { ...pricing, pricingBands });
  const parent = await open("10");
  await world().attach(parent.id, plan.id, { childBillingMode: "CHILD" });
  const [first, second] = [
    await open("10", { parentAccountId: parent.id }),
    await open("10", { parentAccountId: parent.id }),
  ];
  expect(await use(first, meter, { measure: 90 })).toMatchObject({ amount: "9" });
  // 10 × 0.10 and 50 × 0.05, as the children together have used 90 already.
  expect(await use(second, meter, { measure: 60 })).toMatchObject({ amount: "3.5" });
  // The pool's 150 cost 12.50, of which the first child's share is 90 / 150 and the second's 60 / 150.
  expect(await world().lines(first.id, june)).toEqual([
    "USAGE 7.5",
    "BALANCE_CONSUMED -7.5",
    "TOTAL 0",
  ]);
  expect(await world().lines(second.id, june)).toEqual([
    "USAGE 5",
    "BALANCE_CONSUMED -5",
    "TOTAL 0",
  ]);
  expect(await balances(first)).toEqual({ USD: "2.5" });
  expect(await balances(second)).toEqual({ USD: "5" });
});

test("a hold settles into its own period, whenever its parts were used", async () => {
  const { meter, plan } = await sell();
  const payer = await open("100");
  await world().attach(payer.id, plan.id);
  const { uid } = await use(payer, meter, { day: 31, measure: 10, mode: "hold" });
  const part = { measure: { amount: 2 }, final: false };
  await wallets().act(uid, "settle", { ...part, sequence: 1, ts: on(31) });
  await wallets().act(uid, "settle", { ...part, sequence: 2, ts: "2024-06-01T00:00:01Z" });
  await wallets().act(uid, "settle", { sequence: 3, measure: { amount: 4 } });
  expect(await world().lines(payer.id, june)).toEqual([
    "USAGE 8",
    "BALANCE_CONSUMED -8",
    "TOTAL 0",
  ]);
  expect(await world().lines(payer.id, "2024-07-01")).toEqual(["TOTAL 0"]);
  expect(await balances(payer)).toEqual({ USD: "92" });
});
