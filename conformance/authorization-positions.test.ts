import { describe, expect, test } from "vitest";
import { brokenInvariants, waitForRelay } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/**
 * How far along its price a call begins: where the bill has it. Each test compares what calls took with what the bill
 * charges, whose close then has nothing to put right.
 */

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

type Bands = Parameters<ReturnType<typeof world>["price"]>[1];

const noon = (date: string): string => `2024-${date}T12:00:00Z`;

/** A plan for one meter; who has it pays by a wallet. */
const sell = async (bands: Bands, pricing: object = {}) => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const plan = async (): Promise<string> => {
    const { id } = await world().plan(await world().product());
    await world().price({ planId: id, aggregationId }, bands, { ...pricing });
    return id;
  };
  return { meter, aggregationId, plan };
};

const open = async (meter: string) => {
  const code = world().fresh("wallet");
  const id = await wallets().account(code);
  return {
    id,
    code,
    fund: () => wallets().grant(code, "1000"),
    use: async (date: string, amount: number): Promise<unknown> => {
      const call = { uid: world().fresh("call"), account: code, meter, ts: noon(date) };
      return (await wallets().authorize({ ...call, measure: { amount } }))["amount"];
    },
    balance: async (): Promise<string> => (await wallets().wallet(code)).balance,
  };
};

const falling = [
  [0, 1, 10],
  [500, 0.5, 20],
] as const;

test("tiersSpanPlan: calls of a later month go on where the one before has ended", async () => {
  const { meter, plan } = await sell(falling, { tiersSpanPlan: true });
  const payer = await open(meter.code);
  await payer.fund();
  await world().attach(payer.id, await plan());
  // 10 + 300, then 100; up to 700 it is 630, less the 410; then 100 × 0.5.
  expect(await payer.use("05-10", 300)).toBe("310");
  expect(await payer.use("05-20", 100)).toBe("100");
  expect(await payer.use("06-10", 300)).toBe("220");
  expect(await payer.use("07-10", 100)).toBe("50");
  for (const [date, cost] of [
    ["06-01", 410],
    ["07-01", 220],
    ["08-01", 50],
  ] as const)
    expect(await world().lines(payer.id, `2024-${date}`)).toEqual([
      `USAGE ${cost}`,
      `BALANCE_CONSUMED -${cost}`,
      "TOTAL 0",
    ]);
  expect(await payer.balance()).toBe("320");
});

test("tiersSpanPlan: a new attachment of the plan begins anew", async () => {
  const { meter, plan } = await sell(falling, { tiersSpanPlan: true });
  const payer = await open(meter.code);
  await payer.fund();
  const planId = await plan();
  await world().attach(payer.id, planId, { endDate: "2024-06-01T00:00:00Z" });
  await world().attach(payer.id, planId, { startDate: "2024-06-01T00:00:00Z" });
  expect(await payer.use("05-10", 600)).toBe("580");
  expect(await payer.use("06-10", 100)).toBe("110");
  expect(await world().lines(payer.id, "2024-07-01")).toEqual([
    "USAGE 110",
    "BALANCE_CONSUMED -110",
    "TOTAL 0",
  ]);
  expect(await payer.balance()).toBe("310");
});

test("tiersSpanPlan: what a hold used after its month counts in its month", async () => {
  const { meter, plan } = await sell(falling, { tiersSpanPlan: true });
  const payer = await open(meter.code);
  await payer.fund();
  await world().attach(payer.id, await plan());
  const { uid } = await wallets().authorize({
    uid: world().fresh("hold"),
    account: payer.code,
    meter: meter.code,
    mode: "hold",
    ts: noon("05-31"),
    measure: { amount: 600 },
  });
  const part = { final: false, ts: noon("06-01") };
  await wallets().act(uid, "settle", { ...part, sequence: 1, measure: { amount: 400 } });
  await wallets().act(uid, "settle", { sequence: 2, measure: { amount: 200 }, ts: noon("05-31") });
  expect(await world().lines(payer.id, "2024-06-01")).toEqual([
    "USAGE 580",
    "BALANCE_CONSUMED -580",
    "TOTAL 0",
  ]);
  expect(await world().lines(payer.id, "2024-07-01")).toEqual(["TOTAL 0"]);
  expect(await payer.balance()).toBe("420");
});

describe("usage that a price bills and no call of it was charged for", () => {
  // 10 + 400 × 1 = 410 up to 400; 10 + 500 + 20 + 200 × 0.5 = 630 up to 700.
  test("before there was a wallet, calls begin behind it", async () => {
    const { meter, plan } = await sell(falling);
    const payer = await open(meter.code);
    await world().attach(payer.id, await plan());
    await world().use(meter.code, payer.code, [
      ["2024-05-05", 400],
      ["2024-04-30", 90],
    ]);
    await payer.fund();
    const calls = await Promise.all([1, 2, 3].map(() => payer.use("05-20", 50)));
    expect(calls.map(Number).reduce((one, other) => one + other)).toBe(120 + 25);
    // Charged after the fact as well, from there on: 150 × 0.5.
    await world().use(meter.code, payer.code, [["2024-05-21", 150]]);
    expect(await payer.balance()).toBe("780");
    // A wallet that has paid in the period pays for all of it: 410 more.
    expect(await world().lines(payer.id, "2024-06-01")).toEqual([
      "USAGE 630",
      "BALANCE_CONSUMED -630",
      "TOTAL 0",
    ]);
    expect(await payer.balance()).toBe("370");
    expect(await brokenInvariants(url(), world().server.orgId)).toEqual([]);
  });

  test("what only denied calls have asked for is found all the same", async () => {
    const { meter, plan } = await sell([
      [0, 1],
      [400, 5],
    ]);
    const payer = await open(meter.code);
    await world().attach(payer.id, await plan());
    await world().use(meter.code, payer.code, [["2024-05-05", 400]]);
    await payer.fund();
    const call = { account: payer.code, meter: meter.code, ts: noon("05-20") };
    const dear = { ...call, uid: world().fresh("call"), measure: { amount: 201 } };
    expect(await wallets().authorize(dear)).toMatchObject({ decision: "deny" });
    const check = { ...dear, uid: world().fresh("call"), mode: "check", measure: { amount: 200 } };
    expect(await wallets().authorize(check)).toMatchObject({ decision: "allow", amount: "1000" });
    expect(await payer.use("05-20", 200)).toBe("1000");
  });

  test("tiersSpanPlan: in an earlier month", async () => {
    const { meter, plan } = await sell(falling, { tiersSpanPlan: true });
    const payer = await open(meter.code);
    await world().attach(payer.id, await plan());
    await world().use(meter.code, payer.code, [["2024-04-05", 400]]);
    await payer.fund();
    expect(await payer.use("05-20", 300)).toBe("220");
    expect(await world().lines(payer.id, "2024-06-01")).toEqual([
      "USAGE 220",
      "BALANCE_CONSUMED -220",
      "TOTAL 0",
    ]);
    expect(await payer.balance()).toBe("780");
  });

  test("of a child counts at its parent's position, as long as it has no plan of its own", async () => {
    const { meter, plan } = await sell(falling);
    const payer = await open(meter.code);
    const child = await world().account({ parentAccountId: payer.id });
    const planId = await plan();
    await world().attach(payer.id, planId);
    await world().attach(child.id, planId, { startDate: "2024-05-10T00:00:00Z" });
    await world().use(meter.code, child.code, [
      ["2024-05-05", 400],
      ["2024-05-15", 90],
    ]);
    await payer.fund();
    expect(await payer.use("05-20", 300)).toBe("220");
  });

  test("before the plan was attached, calls begin behind what they name a price for", async () => {
    const { meter, plan } = await sell(falling);
    const payer = await open(meter.code);
    await payer.fund();
    const named = { amount: "1", asset: "USD", ts: noon("05-05"), measure: { amount: 400 } };
    const call = { uid: world().fresh("call"), account: payer.code, meter: meter.code };
    await wallets().authorize({ ...call, ...named });
    // Priced behind it once it has reached the usage store.
    await waitForRelay(url());
    await world().attach(payer.id, await plan());
    expect(await payer.use("05-20", 300)).toBe("220");
  });

  test.each([[{}], [{ tiersSpanPlan: true }]])(
    "of a template's price that the plan's own has interrupted in an earlier month: %j",
    async (pricing) => {
      const { meter, aggregationId } = await sell(falling);
      const { id: planId, templateId } = await world().plan(await world().product());
      await world().price({ planTemplateId: templateId, aggregationId }, falling, pricing);
      const week = { startDate: "2024-03-08T00:00:00Z", endDate: "2024-03-15T00:00:00Z" };
      await world().price({ planId, aggregationId }, [[0, 9]], week);
      const payer = await open(meter.code);
      await world().attach(payer.id, planId, { startDate: "2024-04-01T00:00:00Z" });
      await world().use(meter.code, payer.code, [["2024-05-05", 400]]);
      await payer.fund();
      expect(await payer.use("05-20", 300)).toBe("220");
    },
  );
});
