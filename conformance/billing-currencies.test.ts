import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";

/** Several currencies, their scales and rounding modes, and the rates between them (m3ter semantics 18.9). */
const scenario = billingScenario();
const { sell, commit, fund, charge, expectLines, expectTable } = scenario;

const rate = (from: string, to: string, multiplier: number) => ({ from, to, multiplier });

let currencies = 10;
/** Currencies are the organization's, and plans want three letters: each case makes its own. */
const currency = async (maxDecimalPlaces: number, roundingMode = "HALF_UP"): Promise<string> => {
  currencies += 1;
  const code = `X${currencies}`;
  const path = "picklists/currency";
  await scenario.world.create(path, { name: code, code, maxDecimalPlaces, roundingMode });
  return code;
};

/** Runs the account's bill of January with these rates; `[subtotal, rate, converted]` of each line and the total. */
const january = async (account: { readonly id: string }, request: object) => {
  const [bill, ...others] = await scenario.world.bill(account.id, "2024-02-01", { ...request });
  expect(others).toEqual([]);
  return (
    bill && {
      currency: bill.currency,
      lines: bill.lineItems.map((line) => [
        `${line.subtotal} ${String(line["currency"])}`,
        line["conversionRate"],
        line.convertedSubtotal,
      ]),
      total: bill.billTotal,
    }
  );
};

describe.concurrent("conversion", () => {
  test("the worked case: both amounts are rounded from the exact one", async () => {
    // 48.4972 → 48.50, and 48.4972 × 1.1 = 53.34692 → 53.35.
    const eur = await currency(2);
    const currencyConversions = [rate(eur, "USD", 1.1)];
    const sold = await sell({
      template: { currency: eur },
      bands: [[0, 1]],
      usage: [["2024-01-05", 48.4972]],
    });
    expect(await january(sold.account, { currencyConversions })).toEqual({
      currency: "USD",
      lines: [[`48.5 ${eur}`, 1.1, 53.35]],
      total: 53.35,
    });
    // 0.995 → 1.00 (half up), 0.995 × 1.1 = 1.0945 → 1.09, though 1.00 × 1.1 would be 1.10.
    const other = await sell({
      template: { currency: eur },
      bands: [[0, 1]],
      usage: [["2024-01-05", 0.995]],
    });
    expect(await january(other.account, { currencyConversions })).toEqual({
      currency: "USD",
      lines: [[`1 ${eur}`, 1.1, 1.09]],
      total: 1.09,
    });
  });

  test("two currencies on one bill", async () => {
    // 10 USD and 10 × 1.25.
    const eur = await currency(2);
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 10]] });
    const template = { currency: eur };
    await sell({ to: account, template, bands: [[0, 1]], usage: [["2024-01-05", 10]] });
    const bill = await january(account, { currencyConversions: [rate(eur, "USD", 1.25)] });
    expect(bill?.total).toBe(22.5);
  });

  test("into the account's currency; into another that the run asks for, on a bill of its own", async () => {
    const [eur, gbp] = [await currency(2), await currency(2)];
    const currencyConversions = [rate("USD", eur, 0.9), rate("USD", gbp, 0.8)];
    const { account } = await sell({
      account: { currency: eur },
      bands: [[0, 1]],
      usage: [["2024-01-05", 10]],
    });
    expect(await january(account, { currencyConversions })).toMatchObject({
      currency: eur,
      total: 9,
    });
    await scenario.world.bill(account.id, "2024-02-01", {
      currencyConversions,
      targetCurrency: gbp,
    });
    const both = await scenario.world.bills(account.id, "2024-02-01");
    expect(both.map((bill) => `${bill.billTotal} ${bill.currency}`).toSorted()).toEqual([
      `8 ${gbp}`,
      `9 ${eur}`,
    ]);
  });

  test("a bill that is run again keeps its currency when the account's is another by then; the next one has it", async () => {
    // 10 USD × 0.9 in January, run again; 20 USD in February.
    const eur = await currency(2);
    const currencyConversions = [rate("USD", eur, 0.9)];
    const { account } = await sell({
      account: { currency: eur },
      bands: [[0, 1]],
      usage: [
        ["2024-01-05", 10],
        ["2024-02-05", 20],
      ],
    });
    const first = await january(account, { currencyConversions });
    expect(first).toMatchObject({ currency: eur, total: 9 });
    const path = `accounts/${account.id}`;
    const changed = { ...(await scenario.world.get(path)), currency: "USD" };
    await scenario.world.api.call("PUT", path, changed);
    expect(await january(account, { currencyConversions })).toEqual(first);
    const [february] = await scenario.world.bill(account.id, "2024-03-01");
    expect(february).toMatchObject({ currency: "USD", billTotal: 20 });
  });

  test("the bill fails without a rate: none is turned round, none goes by way of a third", async () => {
    const [eur, gbp] = [await currency(2), await currency(2)];
    const { account } = await sell({
      template: { currency: eur },
      bands: [[0, 1]],
      usage: [["2024-01-05", 10]],
    });
    const currencyConversions = [
      rate("USD", eur, 0.9),
      rate(eur, gbp, 0.8),
      rate(gbp, "USD", 1.2),
      rate(eur.toLowerCase(), "USD", 1.1),
    ];
    const request = { billDate: "2024-02-01", accountIds: [account.id], currencyConversions };
    const ended = await scenario.world.finish(await scenario.world.startJob(request));
    expect(JSON.stringify(ended.failures)).toContain("MISSING_CONVERSION_RATE");
    expect(await scenario.world.bills(account.id, "2024-02-01")).toEqual([]);
  });

  test("a commitment in another currency pays at the bill's rates", async () => {
    // 50 EUR are 62.50 of the 100 USD.
    const eur = await currency(2);
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 100]] });
    await commit(account, 50, { currency: eur });
    const bill = await january(account, { currencyConversions: [rate(eur, "USD", 1.25)] });
    expect(bill).toMatchObject({
      lines: [
        ["100 USD", 1, 100],
        [`-50 ${eur}`, 1.25, -62.5],
      ],
      total: 37.5,
    });
    expect(await scenario.world.list(`commitments?accountId=${account.id}`)).toMatchObject([
      { amountSpent: 50 },
    ]);
  });

  test("a balance that covers a line in its own currency leaves no cent of it in the bill's", async () => {
    // 0.995 EUR are 1.00 EUR and 1.09 USD; the balance takes 1.00 EUR and so 1.09 USD.
    const eur = await currency(2);
    const { account } = await sell({
      template: { currency: eur },
      bands: [[0, 1]],
      usage: [["2024-01-05", 0.995]],
    });
    const balanceId = await fund(account, 10, { currency: eur });
    const bill = await january(account, { currencyConversions: [rate(eur, "USD", 1.1)] });
    expect(bill).toMatchObject({
      lines: [
        [`1 ${eur}`, 1.1, 1.09],
        [`-1 ${eur}`, 1.1, -1.09],
      ],
      total: 0,
    });
    expect(await scenario.world.get(`balances/${balanceId}`)).toMatchObject({ amount: 9 });
  });

  test("a charge and a fee in currencies of their own", async () => {
    // 3 × 7 × 1.5 = 31.50 and 10 × 2 = 20.
    const [eur, gbp] = [await currency(2), await currency(2)];
    const { account, plan } = await sell({});
    await charge(account, { units: 3, unitPrice: 7, currency: eur });
    await commit(account, 120, { currency: gbp, billingPlanId: plan.id, billingInterval: 1 });
    const currencyConversions = [rate(eur, "USD", 1.5), rate(gbp, "USD", 2)];
    const bill = await january(account, { currencyConversions });
    expect(bill).toMatchObject({
      lines: expect.arrayContaining([
        [`21 ${eur}`, 1.5, 31.5],
        [`10 ${gbp}`, 2, 20],
      ]),
      total: 51.5,
    });
  });
});

describe.concurrent("scale and rounding mode", () => {
  test("of the plan's currency", async () => {
    const table = [
      [0, "HALF_EVEN", 2.5, 2],
      [0, "HALF_EVEN", 3.5, 4],
      [0, "HALF_UP", 2.5, 3],
      [0, "HALF_DOWN", 2.5, 2],
      [3, "UP", 1.2341, 1.235],
      [3, "DOWN", 1.2349, 1.234],
      [5, "HALF_UP", 0.000_005, 0.000_01],
      [1, "CEILING", -1.25, -1.2],
      [1, "FLOOR", -1.25, -1.3],
      [1, "UP", -1.21, -1.3],
      [1, "UNNECESSARY", 1.2, 1.2],
    ] as const;
    const rows = [];
    for (const [places, mode, used, printed] of table) {
      const code = await currency(places, mode);
      rows.push({
        name: `${used} with ${places} places, ${mode}`,
        sale: {
          account: { currency: code },
          template: { currency: code },
          bands: [[0, 1]] as const,
          usage: [["2024-01-05", used]] as const,
        },
        lines: [`USAGE ${printed}`, `TOTAL ${printed}`],
      });
    }
    await expectTable("2024-02-01", rows);
  });

  test("UNNECESSARY fails a bill that would have to be rounded", async () => {
    const code = await currency(1, "UNNECESSARY");
    const { account } = await sell({
      account: { currency: code },
      template: { currency: code },
      bands: [[0, 1]],
      usage: [["2024-01-05", 1.25]],
    });
    const request = { billDate: "2024-02-01", accountIds: [account.id] };
    const ended = await scenario.world.finish(await scenario.world.startJob(request));
    expect(JSON.stringify(ended.failures)).toContain("ROUNDING");
    expect(await scenario.world.bills(account.id, "2024-02-01")).toEqual([]);
  });

  test("each line is rounded once, and the total is the sum of what is printed", async () => {
    // Three of 0.005 are 0.01 each, 0.03 together, not 0.02.
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 0.005]] });
    for (let index = 0; index < 2; index += 1) {
      await sell({ to: account, bands: [[0, 1]], usage: [["2024-01-05", 0.005]] });
    }
    const cents = Array.from({ length: 3 }, () => "USAGE 0.01");
    await expectLines(account, "2024-02-01", [...cents, "TOTAL 0.03"]);
  });
});

test("the organization's own rates and currency stand behind those of a run", async () => {
  const eur = await currency(2);
  const before = await scenario.world.get("organizationconfig");
  await scenario.world.configure({ currency: eur, currencyConversions: [rate("USD", eur, 0.5)] });
  const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-05", 10]] });
  expect(await january(account, {})).toMatchObject({ currency: eur, total: 5 });
  const once = { currencyConversions: [rate("USD", eur, 0.7)] };
  expect(await january(account, once)).toMatchObject({ currency: eur, total: 7 });
  await scenario.world.configure({ currency: before["currency"], currencyConversions: [] });
});
