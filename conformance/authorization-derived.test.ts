import { describe, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

/** Prices of derived fields: a call costs what the bill makes of it. May 2024 is billed on June 1. */

const june = "2024-06-01";
const ts = "2024-05-15T12:00:00Z";

const { world, wallets } = walletWorld();

interface Counted {
  readonly calculation: string;
  readonly aggregation?: string;
  readonly price?: number;
  readonly customFields?: Record<string, number>;
}

/** An account whose plan prices one derived field, `cents`, of `amount`. */
const open = async (
  funds: string,
  { calculation, aggregation = "SUM", price = 0.1, customFields = {} }: Counted,
) => {
  const productId = await world().product();
  const code = world().fresh("derived");
  const meterId = await world().create("meters", {
    productId,
    name: code,
    code,
    dataFields: [
      { category: "MEASURE", code: "amount", name: "Amount", unit: "1" },
      { category: "WHERE", code: "region", name: "Region" },
    ],
    derivedFields: [{ category: "COST", code: "cents", name: "Cents", unit: "1", calculation }],
  });
  const plan = await world().plan(productId);
  const aggregationId = await world().aggregation(meterId, { targetField: "cents", aggregation });
  await world().price({ planId: plan.id, aggregationId }, [[0, price]]);
  const { id, code: account } = await world().account({ customFields });
  await world().attach(id, plan.id);
  await wallets().grant(account, funds);
  const body = (uid: string, amount: number, more = {}) => ({
    uid: `${account}-${uid}`,
    account,
    meter: code,
    mode: "charge",
    ts,
    measure: { amount },
    ...more,
  });
  return {
    id,
    account,
    body,
    use: (...call: Parameters<typeof body>) => wallets().authorize(body(...call)),
    balance: async (): Promise<unknown> => {
      const { body: found } = await wallets().client.call("GET", `accounts/${id}/wallet`);
      return found;
    },
  };
};

const holding = (balance: string) => ({ accounts: [{ balance }] });

test("a call costs what its derived field comes to, whatever is sent under its code", async () => {
  const payer = await open("50", { calculation: "amount * 100" });
  // 300 × 0.10
  expect(await payer.use("first", 3)).toMatchObject({ decision: "allow", amount: "30" });
  const forged = { measure: { amount: 1, cents: 0 } };
  expect(await payer.use("forged", 1, forged)).toMatchObject({ amount: "10" });
  expect(await payer.use("much", 2)).toMatchObject({
    decision: "deny",
    reasons: [{ code: "INSUFFICIENT_FUNDS", shortfall: "10" }],
  });
  // No measurement derives a part of what it says: all or nothing.
  expect(await payer.use("partly", 2, { partial: "allow" })).toMatchObject({ decision: "deny" });
  expect(await world().lines(payer.id, june)).toEqual([
    "USAGE 40",
    "BALANCE_CONSUMED -40",
    "TOTAL 0",
  ]);
  expect(await payer.balance()).toMatchObject(holding("10"));
});

test("a hold settles what its parts derive, and a refund takes the whole call back", async () => {
  const payer = await open("100", { calculation: "amount * 100" });
  expect(await payer.use("held", 4, { mode: "hold" })).toMatchObject({ holds: "40" });
  const uid = `${payer.account}-held`;
  const part = { sequence: 1, measure: { amount: 1 }, final: false };
  expect(await wallets().act(uid, "settle", part)).toMatchObject({ amount: "10" });
  const last = { sequence: 2, measure: { amount: 2 } };
  expect(await wallets().act(uid, "settle", last)).toMatchObject({ amount: "20" });
  await payer.use("mistake", 5);
  expect(await payer.balance()).toMatchObject(holding("20"));
  const of = `${payer.account}-mistake`;
  await wallets().post("refunds", { uid: `${of}-refund`, of });
  expect(await payer.balance()).toMatchObject(holding("70"));
  expect(await world().lines(payer.id, june)).toEqual([
    "USAGE 30",
    "BALANCE_CONSUMED -30",
    "TOTAL 0",
  ]);
  expect(await payer.balance()).toMatchObject(holding("70"));
});

test("400 for a hold that would settle by itself: nobody says what its usage derives", async () => {
  const payer = await open("100", { calculation: "amount * 100" });
  const hold = payer.body("held", 4, { mode: "hold", onExpiry: "settle" });
  const { status, body } = await wallets().client.call("POST", "authorizations", hold);
  expect({ status, body }).toMatchObject({
    status: 400,
    body: { errors: [{ field: "onExpiry" }] },
  });
});

test("what cannot be calculated is not counted, on the bill nor before it", async () => {
  const payer = await open("10", {
    calculation: "amount / (amount - 5)",
    aggregation: "COUNT",
    price: 1,
  });
  expect(await payer.use("five", 5)).toMatchObject({ decision: "allow", amount: "0" });
  expect(await payer.use("six", 6)).toMatchObject({ decision: "allow", amount: "1" });
  expect(await world().lines(payer.id, june)).toEqual([
    "USAGE 1",
    "BALANCE_CONSUMED -1",
    "TOTAL 0",
  ]);
});

test("custom fields and lookup tables count as metering knows them", async () => {
  const defaults = await world().get("customfields");
  await wallets().client.put("customfields", { ...defaults, account: { rate: 2 } });
  const table = world().fresh("rates");
  await world().create("lookuptables", { name: table, code: table });
  const tables = await world().list(`lookuptables?codes=${table}`);
  const revisions = `lookuptables/${String(tables[0]?.["id"])}/revisions`;
  const revision = await world().create(revisions, {
    name: "R",
    fields: [
      { name: "region", type: "STRING" },
      { name: "factor", type: "NUMBER" },
    ],
    keys: ["region"],
  });
  const items = [{ region: "UK", factor: 5 }];
  await wallets().client.call("PUT", `${revisions}/${revision}/data`, { items });
  const { version } = await world().get(`${revisions}/${revision}`);
  const published = { status: "PUBLISHED", version };
  await wallets().client.call("PUT", `${revisions}/${revision}/status`, published);
  const payer = await open("100", {
    calculation: `amount * account.rate * Lookup.findNumber("${table}", "factor", 1, "region")`,
    customFields: { rate: 3 },
  });
  // 2 × 3 × 5 × 0.10, and 2 × 3 × 1 × 0.10 elsewhere
  expect(await payer.use("uk", 2, { where: { region: "UK" } })).toMatchObject({ amount: "3" });
  expect(await payer.use("fr", 2, { where: { region: "FR" } })).toMatchObject({ amount: "0.6" });
  expect(await world().lines(payer.id, june)).toEqual([
    "USAGE 3.6",
    "BALANCE_CONSUMED -3.6",
    "TOTAL 0",
  ]);
});

test("what depends on when usage is received has no price before that", async () => {
  const payer = await open("100", { calculation: "amount + receivedAt - ts" });
  expect(await payer.use("late", 2)).toMatchObject({
    decision: "deny",
    reasons: [{ code: "CANNOT_RATE" }],
  });
});

describe("what is derived of the end of usage", () => {
  const open10s = async () => {
    const payer = await open("100", { calculation: "ets - ts", price: 0.001 });
    const { uid } = payer.body("a", 5);
    await payer.use("a", 5, { ets: "2024-05-15T12:00:10Z", where: { region: "UK" } });
    const amend = (changes: object) =>
      wallets().post(`measurements/${uid}/amend`, {
        reason: "it was wrong",
        measurement: { measure: { amount: 7 }, where: { region: "UK" }, ...changes },
      });
    return { ...payer, amend };
  };

  test.each([
    { keeps: "keeps it", changes: {}, used: "10" },
    {
      keeps: "moves it with the time",
      changes: { ts: "2024-05-15T12:00:04Z", ets: "2024-05-15T12:00:08Z" },
      used: "4",
    },
    { keeps: "has another", changes: { ets: "2024-05-15T12:00:07Z" }, used: "7" },
  ])("an amendment $keeps, before the bill as on it", async ({ changes, used }) => {
    const payer = await open10s();
    expect(await payer.balance()).toMatchObject(holding("90"));
    await payer.amend(changes);
    const left = holding(String(100 - Number(used)));
    expect(await payer.balance()).toMatchObject(left);
    expect((await world().lines(payer.id, june))[0]).toBe(`USAGE ${used}`);
    expect(await payer.balance()).toMatchObject(left);
  });

  test("is kept by the next amendment, too", async () => {
    const payer = await open10s();
    await payer.amend({ ets: "2024-05-15T12:00:07Z" });
    await payer.amend({ measure: { amount: 8 } });
    expect(await payer.balance()).toMatchObject(holding("93"));
  });
});
