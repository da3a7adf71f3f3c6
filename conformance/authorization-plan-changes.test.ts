import { describe, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

/** The bill of May 2024. */
const may = "2024-06-01";

const { world, wallets } = walletWorld();

const day = (date: string): string => `2024-${date}T00:00:00Z`;

/** An account with a wallet; all its plans price one meter, by the unit. */
const open = async (funds = "100", parent?: string) => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const code = world().fresh("wallet");
  const accountId = await wallets().account(code, parent);
  await wallets().grant(code, funds);
  const plan = async (unitPrice: number, template = {}): Promise<string> => {
    const { id } = await world().plan(await world().product(), template);
    await world().price({ planId: id, aggregationId }, [[0, unitPrice]]);
    return id;
  };
  const balance = async (): Promise<string> => (await wallets().wallet(code)).balance;
  return {
    accountId,
    balance,
    plan,
    attach: (planId: string, dates: object) => world().attach(accountId, planId, { ...dates }),
    use: (date: string, amount: number, more = {}) =>
      wallets().authorize({
        uid: world().fresh("call"),
        account: code,
        meter: meter.code,
        ts: day(date),
        measure: { amount },
        ...more,
      }),
    /** The bill's lines, then what is left in the wallet; made again, it has to stay so. */
    bill: async (): Promise<string[]> => [
      ...(await world().lines(accountId, may)),
      `WALLET ${await balance()}`,
    ],
  };
};

describe("what was paid belongs to the plan that was in force", () => {
  test("another plan follows inside the month", async () => {
    const { plan, attach, use, bill } = await open();
    await attach(await plan(1), { endDate: day("05-15") });
    await attach(await plan(2), { startDate: day("05-15") });
    await use("05-10", 10);
    await use("05-20", 10);
    const settled = [
      "USAGE 10",
      "USAGE 20",
      "BALANCE_CONSUMED -10",
      "BALANCE_CONSUMED -20",
      "TOTAL 0",
      "WALLET 70",
    ];
    expect(await bill()).toEqual(settled);
    expect(await bill()).toEqual(settled);
  });

  test("the minimum spend of the plan that follows is taken once", async () => {
    const { plan, attach, use, bill } = await open("1000");
    await attach(await plan(1), { endDate: day("05-15") });
    await attach(await plan(2, { minimumSpend: 100 }), { startDate: day("05-15") });
    await use("05-10", 10);
    await use("05-20", 10);
    // 100 × 17/31 = 54.838709…, of which 20 are used.
    const settled = [
      "USAGE 10",
      "USAGE 20",
      "MINIMUM_SPEND 34.84",
      "BALANCE_CONSUMED -10",
      "BALANCE_CONSUMED -20",
      "BALANCE_CONSUMED -34.84",
      "TOTAL 0",
      "WALLET 935.16129",
    ];
    expect((await bill()).toSorted()).toEqual(settled.toSorted());
    expect((await bill()).toSorted()).toEqual(settled.toSorted());
  });

  test("the same plan comes back later", async () => {
    const { plan, attach, use, bill } = await open();
    const same = await plan(1);
    await attach(same, { endDate: day("05-10") });
    await attach(same, { startDate: day("05-12") });
    await use("05-05", 11);
    await use("05-20", 11);
    const settled = [
      "USAGE 11",
      "USAGE 11",
      "BALANCE_CONSUMED -11",
      "BALANCE_CONSUMED -11",
      "TOTAL 0",
      "WALLET 78",
    ];
    expect(await bill()).toEqual(settled);
    expect(await bill()).toEqual(settled);
  });

  test("of two that price a call together one ends inside the month", async () => {
    const { plan, attach, use, bill } = await open();
    await attach(await plan(1), { endDate: day("05-15") });
    await attach(await plan(2), {});
    // 10 × (1 + 2), then 10 × 2.
    await use("05-10", 10);
    await use("05-20", 10);
    const settled = ["TOTAL 0", "USAGE 10", "USAGE 40", "WALLET 50"];
    const withoutDraws = (rows: string[]) =>
      rows.filter((row) => !row.startsWith("BALANCE_CONSUMED")).toSorted();
    expect(withoutDraws(await bill())).toEqual(settled);
    expect(withoutDraws(await bill())).toEqual(settled);
  });

  test("what is charged after the plan's end is no plan's, and stays as it was paid", async () => {
    const { plan, attach, use, bill } = await open();
    await attach(await plan(1), { endDate: day("05-15") });
    await use("05-10", 10);
    await use("05-20", 10, { amount: "3", asset: "USD" });
    expect(await bill()).toEqual(["USAGE 10", "BALANCE_CONSUMED -10", "TOTAL 0", "WALLET 87"]);
  });

  test("what is charged outside of a contract that limits charges comes back", async () => {
    const { accountId, plan, attach, use, bill } = await open();
    const contractId = await world().create("contracts", {
      accountId,
      name: "Spring",
      startDate: "2024-01-01",
      endDate: "2024-05-15",
      applyContractPeriodLimits: true,
    });
    await attach(await plan(1), { contractId });
    await use("05-10", 10);
    await use("05-20", 3);
    expect(await bill()).toEqual(["USAGE 10", "BALANCE_CONSUMED -10", "TOTAL 0", "WALLET 90"]);
  });

  test("an end that is set after the bill was made gives back what the minimum no longer takes", async () => {
    const { plan, attach, use, bill } = await open();
    const attached = await attach(await plan(1, { minimumSpend: 20 }), {});
    await use("05-10", 12);
    expect((await bill()).slice(-2)).toEqual(["TOTAL 0", "WALLET 80"]);
    const before = await world().get(`accountplans/${attached}`);
    const ended = { ...before, endDate: day("05-15") };
    await world().api.call("PUT", `accountplans/${attached}`, ended);
    // 20 × 14/31 are less than the 12 that were used.
    expect(await bill()).toEqual(["USAGE 12", "BALANCE_CONSUMED -12", "TOTAL 0", "WALLET 88"]);
  });
});

test("each week of a child is settled by itself on its parent's monthly bill", async () => {
  const parent = world().fresh("parent");
  const parentId = await wallets().account(parent);
  await world().attach(parentId, (await world().plan(await world().product())).id);
  const child = await open("100", parent);
  await child.attach(await child.plan(1, { billFrequency: "WEEKLY" }), {
    childBillingMode: "PARENT_BREAKDOWN",
  });
  await child.use("05-08", 10);
  await child.use("05-15", 10);
  await child.use("05-22", 10);
  const rows = await world().lines(parentId, may);
  expect(rows.filter((row) => row.startsWith("USAGE"))).toHaveLength(3);
  expect(rows.at(-1)).toBe("TOTAL 0");
  expect(await child.balance()).toBe("70");
});
