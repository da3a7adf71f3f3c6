import { describe, expect, test } from "vitest";
import type { BillingWorld } from "./billing-world.ts";
import { walletWorld } from "./wallet-world.ts";

/** May 2024 has ended: its bill is of June 1, and what follows late stands on the one of July 1. */
const may = "2024-06-01";
const june = "2024-07-01";

const { world, wallets } = walletWorld();

interface Sold {
  readonly code: string;
  readonly accountId: string;
  readonly meter: string;
  readonly meterId: string;
  readonly productId: string;
  readonly planId: string;
  readonly use: (uid: string, amount: number, more?: object) => Promise<Record<string, unknown>>;
  /** The number in the wallet. */
  readonly balance: () => Promise<string>;
  readonly bill: (billDate: string) => Promise<string[]>;
}

/** A meter that no plan prices. */
const unsold = async (): Promise<string> => (await world().meter(await world().product())).code;

type Bands = Parameters<BillingWorld["price"]>[1];

/** An account with a plan for one meter and a wallet of 100 dollars. */
const sell = async (
  bands: Bands,
  { pricing = {}, template = {}, aggregation = {}, funds = "100" } = {},
): Promise<Sold> => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId, template);
  const aggregationId = await world().aggregation(meter.id, aggregation);
  await world().price({ planId: plan.id, aggregationId }, bands, pricing);
  const code = world().fresh("wallet");
  const accountId = await wallets().account(code);
  await world().attach(accountId, plan.id);
  if (funds !== "") await wallets().grant(code, funds);
  return {
    code,
    accountId,
    meter: meter.code,
    meterId: meter.id,
    productId,
    planId: plan.id,
    use: (uid, amount, more = {}) =>
      wallets().authorize({
        uid: `${code}-${uid}`,
        account: code,
        meter: meter.code,
        ts: "2024-05-15T12:00:00Z",
        measure: { amount },
        ...more,
      }),
    balance: async () => (await wallets().wallet(code)).balance,
    bill: (billDate) => world().lines(accountId, billDate),
  };
};

describe("the close of a period makes debits what the bill charges (I19)", () => {
  test("W9: what volume prices took too much comes back", async () => {
    const sold = await sell(
      [
        [0, 0.01],
        [1000, 0.008],
      ],
      { pricing: { cumulative: false } },
    );
    expect(await sold.use("first", 950)).toMatchObject({ amount: "9.5" });
    // T(1050) = 8.40, T(950) = 9.50: nothing is taken for what makes the total fall.
    expect(await sold.use("second", 100)).toMatchObject({ decision: "allow", amount: "0" });
    expect(await sold.balance()).toBe("90.5");
    expect(await sold.bill(may)).toEqual(["USAGE 8.4", "BALANCE_CONSUMED -8.4", "TOTAL 0"]);
    expect(await sold.balance()).toBe("91.6");
    expect(await sold.bill(may)).toEqual(["USAGE 8.4", "BALANCE_CONSUMED -8.4", "TOTAL 0"]);
    expect(await sold.balance()).toBe("91.6");
  });

  test("what comes back does so to the grants of the newest call, whenever its usage occurred", async () => {
    const sold = await sell(
      [
        [0, 0.1],
        [100, 0.05],
      ],
      { pricing: { cumulative: false }, funds: "" },
    );
    const promotional = { id: `${sold.code}-promotional`, purpose: "promotional", priority: 1 };
    await wallets().grant(sold.code, "6", promotional);
    await wallets().grant(sold.code, "20", { id: `${sold.code}-paid` });
    // 60 × 0.10 = 6 of the promotional grant, then 40 × 0.10 = 4 of the paid one, for what was used a week before.
    expect(await sold.use("first", 60, { ts: "2024-05-15T12:00:00Z" })).toMatchObject({
      amount: "6",
    });
    expect(await sold.use("second", 40, { ts: "2024-05-08T12:00:00Z" })).toMatchObject({
      amount: "4",
    });
    expect(await sold.use("third", 20)).toMatchObject({ amount: "0" });
    // All 120 at 0.05: 6 of the 10 stay paid, and the 4 of the paid grant, which were taken last, come back first.
    expect(await sold.bill(may)).toEqual(["USAGE 6", "BALANCE_CONSUMED -6", "TOTAL 0"]);
    expect(await world().get(`grants/${sold.code}-paid`)).toMatchObject({ remaining: "20" });
    expect(await world().get(`grants/${sold.code}-promotional`)).toMatchObject({ remaining: "0" });
  });

  test("W10: the minimum spend beyond the usage is paid at the close", async () => {
    const sold = await sell([[0, 1]], { template: { minimumSpend: 20 } });
    await sold.use("first", 12);
    expect(await sold.balance()).toBe("88");
    expect(await sold.bill(may)).toEqual([
      "USAGE 12",
      "MINIMUM_SPEND 8",
      "BALANCE_CONSUMED -8",
      "BALANCE_CONSUMED -12",
      "TOTAL 0",
    ]);
    expect(await sold.balance()).toBe("80");
  });

  test("grants of the plan's product pay what the close finds missing, and the minimum spend", async () => {
    const sold = await sell([[0, 1]], { template: { minimumSpend: 25 }, funds: "" });
    const { productId, planId } = sold;
    await wallets().grant(sold.code, "100", { appliesTo: { products: [productId] } });
    await sold.use("first", 10);
    expect(await sold.balance()).toBe("90");
    const [pricing] = await world().list(`pricings?planId=${planId}`);
    const pricingBands = [{ lowerLimit: 0, unitPrice: 2, fixedPrice: 0 }];
    await wallets().client.put(`pricings/${String(pricing?.["id"])}`, { ...pricing, pricingBands });
    expect((await sold.bill(may)).toSorted()).toEqual([
      "BALANCE_CONSUMED -20",
      "BALANCE_CONSUMED -5",
      "MINIMUM_SPEND 5",
      "TOTAL 0",
      "USAGE 20",
    ]);
    expect(await sold.balance()).toBe("75");
  });

  test("an aggregation that does not add up: the estimate becomes the maximum", async () => {
    const sold = await sell([[0, 1]], { aggregation: { aggregation: "MAX" } });
    const estimate = { amount: "4", asset: "USD" };
    await sold.use("first", 7, estimate);
    await sold.use("second", 5, estimate);
    expect(await sold.balance()).toBe("92");
    expect(await sold.bill(may)).toEqual(["USAGE 7", "BALANCE_CONSUMED -7", "TOTAL 0"]);
    expect(await sold.balance()).toBe("93");
  });

  test("an explicit price of a priced meter is an estimate too; what is missing is taken", async () => {
    const sold = await sell([[0, 1]], { funds: "10" });
    await sold.use("first", 8, { amount: "3", asset: "USD" });
    expect(await sold.bill(may)).toEqual(["USAGE 8", "BALANCE_CONSUMED -8", "TOTAL 0"]);
    expect(await sold.balance()).toBe("2");
    await sold.use("second", 6, { amount: "1", asset: "USD" });
    // 14 in all, of which the wallet has 10: the invoice bills what is unfunded.
    expect(await sold.bill(may)).toEqual(["USAGE 14", "BALANCE_CONSUMED -10", "TOTAL 4"]);
    expect(await sold.balance()).toBe("0");
  });

  test("a period that has not ended is left alone", async () => {
    const sold = await sell([[0, 1]]);
    const ts = new Date(Date.now() - 1000).toISOString();
    await sold.use("now", 5, { ts, amount: "3", asset: "USD" });
    await world().finish(await world().startJob({ accountIds: [sold.accountId] }));
    expect(await sold.balance()).toBe("97");
  });

  test("the time before the wallet was opened is the invoice's", async () => {
    const sold = await sell([[0, 1]], { funds: "" });
    await world().use(sold.meter, sold.code, [["2024-05-15", 5]]);
    await wallets().grant(sold.code, "100");
    expect(await sold.bill(may)).toEqual(["USAGE 5", "TOTAL 5"]);
    expect(await sold.balance()).toBe("100");
  });
});

describe("after the close", () => {
  test("late usage is charged at once, and the bill of its period follows", async () => {
    const sold = await sell([
      [0, 1],
      [10, 0.5],
    ]);
    await sold.use("first", 12);
    expect(await sold.bill(may)).toEqual(["USAGE 11", "BALANCE_CONSUMED -11", "TOTAL 0"]);
    await world().use(sold.meter, sold.code, [["2024-05-20", 4]]);
    expect(await sold.balance()).toBe("87");
    expect(await sold.bill(may)).toEqual(["USAGE 13", "BALANCE_CONSUMED -13", "TOTAL 0"]);
    expect(await sold.balance()).toBe("87");
  });

  test("an approved bill is put right on the next one, usage and payment alike", async () => {
    const sold = await sell([[0, 1]]);
    await sold.use("first", 12);
    const [bill] = await world().bill(sold.accountId, may);
    await world().approve(bill?.id ?? "");
    await world().use(sold.meter, sold.code, [["2024-05-20", 4]]);
    await sold.use("june", 2, { ts: "2024-06-10T12:00:00Z" });
    expect(await sold.balance()).toBe("82");
    // Two used in June, and the four of May that the approved bill does not know.
    expect((await sold.bill(june)).toSorted()).toEqual([
      "BALANCE_CONSUMED -2",
      "BALANCE_CONSUMED -4",
      "TOTAL 0",
      "USAGE 2",
      "USAGE 4",
    ]);
    expect(await sold.balance()).toBe("82");
  });
});

describe("an approved bill of which only the payment has moved", () => {
  /** Of a counted call only all undoes usage. */
  const refundPart = (code: string) =>
    wallets().post("refunds", { uid: `${code}-back`, of: `${code}-second`, amount: "3" });

  test("a refund that undoes no usage is taken again: the bill stands", async () => {
    const sold = await sell([[0, 4]], { aggregation: { aggregation: "COUNT" } });
    await sold.use("first", 12);
    await sold.use("second", 12);
    const [bill] = await world().bill(sold.accountId, may);
    await world().approve(bill?.id ?? "");
    await refundPart(sold.code);
    expect(await sold.balance()).toBe("95");
    expect(await sold.bill(june)).toEqual(["TOTAL 0"]);
    expect(await sold.balance()).toBe("92");
  });

  test("what could not be taken again is due on the next bill", async () => {
    const sold = await sell([[0, 4]], { funds: "8", aggregation: { aggregation: "COUNT" } });
    await sold.use("first", 12);
    await sold.use("second", 12);
    const [bill] = await world().bill(sold.accountId, may);
    await world().approve(bill?.id ?? "");
    await refundPart(sold.code);
    await wallets().charge(sold.code, `${sold.code}-spent`, "2", { meter: await unsold() });
    expect(await sold.balance()).toBe("1");
    // Of the 3 that came back 2 are spent elsewhere: the bill paid 8, the wallet 6.
    expect(await sold.bill(june)).toEqual(["BALANCE_CONSUMED 2", "TOTAL 2"]);
    expect(await sold.balance()).toBe("0");
  });
});

describe("a wallet that paid everything leaves no cent on the bill", () => {
  test.each([
    { price: 0.0074, left: "99.9852" },
    { price: 0.005, left: "99.99" },
  ])("$price for the unit and for the call, on a line each", async ({ price, left }) => {
    const sold = await sell([[0, price]]);
    const aggregationId = await world().aggregation(sold.meterId, { aggregation: "COUNT" });
    await world().price({ planId: sold.planId, aggregationId }, [[0, price]]);
    await sold.use("first", 1);
    expect(await sold.balance()).toBe(left);
    const settled = [
      "USAGE 0.01",
      "USAGE 0.01",
      "BALANCE_CONSUMED -0.01",
      "BALANCE_CONSUMED -0.01",
      "TOTAL 0",
    ];
    expect(await sold.bill(may)).toEqual(settled);
    expect(await sold.balance()).toBe(left);
    expect(await sold.bill(may)).toEqual(settled);
  });
});

describe("the same money is taken once", () => {
  test("a preview shows what the wallet has paid", async () => {
    const sold = await sell([[0, 1]]);
    await sold.use("first", 6);
    // A job waits until usage is measured, a preview does not.
    expect(await sold.bill(may)).toEqual(["USAGE 6", "BALANCE_CONSUMED -6", "TOTAL 0"]);
    const { body } = await wallets().client.call("POST", "bills/preview", {
      accountIds: [sold.accountId],
      billingFrequency: "MONTHLY",
      billFrequencyInterval: 1,
      lastDateInBillingPeriod: "2024-05-31",
    });
    expect(body).toMatchObject({ billTotal: 0, lineItems: [{}, {}] });
  });

  test("the wallet pays before a prepayment does", async () => {
    const sold = await sell([[0, 1]], { funds: "6" });
    await world().create("commitments", {
      accountId: sold.accountId,
      currency: "USD",
      amount: 50,
      startDate: "2024-01-01",
      endDate: "2025-01-01",
      feeDates: [],
      billingOffset: 0,
    });
    await sold.use("first", 6);
    expect(await sold.use("second", 4)).toMatchObject({ decision: "deny" });
    await world().use(sold.meter, sold.code, [["2024-05-20", 4]]);
    // 10 used, 6 paid by the wallet: the prepayment pays the other 4.
    expect(await sold.bill(may)).toEqual([
      "USAGE 10",
      "COMMITMENT_CONSUMED -4",
      "BALANCE_CONSUMED -6",
      "TOTAL 0",
    ]);
  });
});
