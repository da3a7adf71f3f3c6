import { afterAll, beforeAll, expect } from "vitest";
import { bandsOf, type Bill, BillingWorld, rowsOf } from "./billing-world.ts";

/** Of a record, beside those that every case has. */
export type Fields = Readonly<Record<string, unknown>>;
/** Lower limit, unit price and, where there is one, fixed price. */
type Bands = readonly (readonly [number, number, number?])[];
/** Day or instant, amount and, where it matters, region and tier. */
type Use = readonly [string, number, string?, string?];

interface Account {
  readonly id: string;
  readonly code: string;
}

/** A product and who buys it: what a case varies. All else is plain: a sum, monthly, in USD, from 2024 on. */
interface Sale {
  readonly to?: Account;
  readonly account?: Fields;
  readonly template?: Fields;
  readonly plan?: Fields;
  readonly aggregation?: Fields;
  /** Graduated; without any, usage costs nothing. */
  readonly bands?: Bands;
  readonly price?: Fields;
  readonly accountPlan?: Fields;
  readonly usage?: readonly Use[];
}

interface Sold {
  readonly account: Account;
  readonly productId: string;
  readonly meter: Account;
  readonly aggregationId: string;
  readonly plan: { readonly id: string; readonly templateId: string };
  readonly accountPlanId: string;
}

/** A row of a table of cases: what is sold, and the lines of its bill with their total. */
interface SaleCase {
  readonly name: string;
  readonly sale: Sale;
  readonly lines: readonly string[];
}

/** What a billing case is told in: sold, used, paid beforehand, billed. */
export interface Scenario {
  readonly world: BillingWorld;
  readonly sell: (sale: Sale) => Promise<Sold>;
  /** More usage of what was sold, by the account itself unless another is named; its uids. */
  readonly use: (sold: Sold, usage: readonly Use[], account?: Account) => Promise<string[]>;
  /** USD for 2024, unless changed. */
  readonly commit: (account: Account, amount: number, changes?: Fields) => Promise<string>;
  /** A balance of that amount: USD for 2024, unless changed. */
  readonly fund: (account: Account, amount: number, changes?: Fields) => Promise<string>;
  /** AD_HOC in USD for January 2024, on the next bill, unless changed. */
  readonly charge: (account: Account, changes: Fields) => Promise<string>;
  readonly agree: (account: Account, changes?: Fields) => Promise<string>;
  /** A counter of the product, priced on its plan without proration; the values on their days. */
  readonly count: (
    sold: Pick<Sold, "account" | "productId" | "plan">,
    bands: Bands,
    changes: { readonly price?: Fields; readonly values: readonly (readonly [string, number])[] },
  ) => Promise<string>;
  /** Runs the bills of the date: what each comes to, smallest first. */
  readonly totals: (account: Pick<Account, "id">, billDate: string) => Promise<number[]>;
  /** Runs the bills of the date: the account has exactly one, with these lines and total, in any order. */
  readonly expectLines: (
    account: Account,
    billDate: string,
    expected: readonly string[],
  ) => Promise<Bill>;
  /** Sells all of the table, bills it in one run and compares it row by row; the bills in the table's order. */
  readonly expectTable: (billDate: string, table: readonly SaleCase[]) => Promise<Bill[]>;
}

const year = { startDate: "2024-01-01", endDate: "2025-01-01" };
const yearInstants = { startDate: "2024-01-01T00:00:00Z", endDate: "2025-01-01T00:00:00Z" };

const sell = async (world: BillingWorld, sale: Sale): Promise<Sold> => {
  const productId = await world.product();
  const meter = await world.meter(productId);
  const aggregationId = await world.aggregation(meter.id, sale.aggregation);
  const plan = await world.plan(productId, sale.template, sale.plan);
  if (sale.bands !== undefined) {
    await world.price({ planId: plan.id, aggregationId }, sale.bands, sale.price);
  }
  const account = sale.to ?? (await world.account(sale.account));
  const accountPlanId = await world.attach(account.id, plan.id, sale.accountPlan);
  if (sale.usage !== undefined) await world.use(meter.code, account.code, sale.usage);
  return { account, productId, meter, aggregationId, plan, accountPlanId };
};

const fund = async (
  world: BillingWorld,
  account: Account,
  balance: { readonly amount: number; readonly changes: Fields },
): Promise<string> => {
  const code = world.fresh("balance");
  const wallet = { accountId: account.id, name: "Wallet", code, currency: "USD", ...yearInstants };
  const id = await world.create("balances", { ...wallet, ...balance.changes });
  const entry = { amount: balance.amount, appliedDate: yearInstants.startDate };
  await world.create(`balances/${id}/transactions`, entry);
  return id;
};

const count = async (
  world: BillingWorld,
  { productId, plan, account }: Pick<Sold, "account" | "productId" | "plan">,
  counted: { bands: Bands; price: Fields; values: readonly (readonly [string, number])[] },
): Promise<string> => {
  const counterId = await world.create("counters", { name: "Seats", unit: "seat", productId });
  await world.create("counterpricings", {
    planId: plan.id,
    counterId,
    startDate: yearInstants.startDate,
    cumulative: true,
    pricingBands: bandsOf(counted.bands),
    proRateRunningTotal: false,
    proRateAdjustmentDebit: false,
    proRateAdjustmentCredit: false,
    ...counted.price,
  });
  for (const [date, value] of counted.values) {
    await world.create("counteradjustments", { accountId: account.id, counterId, date, value });
  }
  return counterId;
};

const expectLines = async (
  world: BillingWorld,
  account: Account,
  { billDate, expected }: { billDate: string; expected: readonly string[] },
): Promise<Bill> => {
  const [only, ...others] = await world.bill(account.id, billDate);
  if (only === undefined) throw new Error(`no bill of ${billDate}`);
  expect(others.map(rowsOf), `other bills of ${billDate}`).toEqual([]);
  expect(rowsOf(only).toSorted(), `the bill of ${billDate}`).toEqual(expected.toSorted());
  return only;
};

const expectTable = async (
  world: BillingWorld,
  billDate: string,
  table: readonly SaleCase[],
): Promise<Bill[]> => {
  const sold = await Promise.all(
    table.map(async (row) => ({ row, ...(await sell(world, row.sale)) })),
  );
  const accountIds = sold.map(({ account }) => account.id);
  await world.finish(await world.startJob({ billDate, accountIds }));
  const made: Bill[] = [];
  for (const { row, account } of sold) {
    const bills = await world.bills(account.id, billDate);
    expect(
      bills.map((bill) => rowsOf(bill).toSorted()),
      row.name,
    ).toEqual([row.lines.toSorted()]);
    made.push(...bills);
  }
  return made;
};

/** Starts a server for the cases of a file and stops it after them. */
export const billingScenario = (
  settings: () => Readonly<Record<string, string>> = () => ({}),
): Scenario => {
  const state: { world?: BillingWorld } = {};
  const opened = (): BillingWorld => {
    if (state.world === undefined) throw new Error("the server is not up yet");
    return state.world;
  };
  beforeAll(async () => {
    state.world = await BillingWorld.open(settings());
  });
  afterAll(() => state.world?.close());
  return {
    get world() {
      return opened();
    },
    sell: (sale) => sell(opened(), sale),
    use: ({ meter, account }, usage, user = account) => opened().use(meter.code, user.code, usage),
    commit: ({ id: accountId }, amount, changes) =>
      opened().create("commitments", { accountId, currency: "USD", amount, ...year, ...changes }),
    fund: (account, amount, changes = {}) => fund(opened(), account, { amount, changes }),
    charge: ({ id: accountId }, changes) =>
      opened().create("charges", {
        accountId,
        name: "Charge",
        code: opened().fresh("charge"),
        currency: "USD",
        entityType: "AD_HOC",
        lineItemType: "AD_HOC",
        servicePeriodStartDate: "2024-01-01T00:00:00Z",
        servicePeriodEndDate: "2024-02-01T00:00:00Z",
        ...changes,
      }),
    agree: ({ id: accountId }, changes) =>
      opened().create("contracts", { accountId, name: "Contract", ...year, ...changes }),
    count: (sold, bands, { price = {}, values }) => count(opened(), sold, { bands, price, values }),
    totals: async ({ id }, billDate) =>
      (await opened().bill(id, billDate))
        .map(({ billTotal }) => billTotal)
        .toSorted((a, b) => a - b),
    expectLines: (account, billDate, expected) =>
      expectLines(opened(), account, { billDate, expected }),
    expectTable: (billDate, table) => expectTable(opened(), billDate, table),
  };
};
