import { describe, expect, test } from "vitest";
import { inspect } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Budgets by billing period and by unit, on what an account buys. */

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));
const zone = "America/New_York";

const daysAgo = (days: number): Temporal.PlainDate =>
  Temporal.Now.plainDateISO(zone).subtract({ days });

const midnight = (on: Temporal.PlainDate): number => on.toZonedDateTime(zone).epochMilliseconds;

const budget = async (fields: object): Promise<string> => {
  const code = world().fresh("budget");
  const { id } = await wallets().client.create("budgets", { code, limit: "5", ...fields });
  return id;
};

const used = async (id: string): Promise<unknown> => (await world().get(`budgets/${id}`))["used"];

/** When the windows began in which the budget was counted. */
const windows = (budgetId: string): Promise<number[]> =>
  inspect(url(), async (pool) => {
    const { rows } = await pool.query<{ start: string }>(
      "SELECT window_start AS start FROM budget_counter WHERE budget_id = $1 ORDER BY 1",
      [budgetId],
    );
    return rows.map(({ start }) => Number(start));
  });

const open = async (
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ code: string; id: string }> => {
  const code = world().fresh("spender");
  const id = await world().create("accounts", {
    name: code,
    code,
    emailAddress: "spender@example.com",
    ...more,
  });
  await wallets().grant(code, "100");
  return { code, id };
};

const planOf = async (template: Readonly<Record<string, unknown>>): Promise<string> =>
  (await world().plan(await world().product(), template)).id;

const charge = (account: string, amount: string, more: Readonly<Record<string, unknown>>) =>
  wallets().charge(account, world().fresh("call"), amount, more);

test.each(["UTC+2", "GMT+01:00", "+0545", " UTC "])(
  "a budget by day counts in the zone %j",
  async (timeZone) => {
    const { code } = await open();
    const id = await budget({ scope: { account: code }, asset: "USD", window: "day", timeZone });
    const { code: meter } = await world().meter();
    await charge(code, "3", { meter });
    expect(await used(id)).toBe("3");
  },
);

describe("a budget by billing period", () => {
  const byPeriod = (scope: object) => budget({ scope, asset: "USD", window: "billingPeriod" });

  test.each([
    ["yearly", { billFrequency: "ANNUALLY" }, 40],
    ["monthly from a day of its own", { billFrequency: "MONTHLY" }, 15],
    ["weekly", { billFrequency: "WEEKLY" }, 3],
    ["every ten days", { billFrequency: "DAILY", billFrequencyInterval: 10 }, 9],
  ])(
    "%s: begins with the period of the account's bill, in the organization's zone",
    async (_, template, days) => {
      await world().configure({ timezone: zone });
      const meter = (await world().meter(await world().product())).code;
      const { code, id } = await open();
      await world().attach(id, await planOf(template), { billEpoch: daysAgo(days).toString() });
      const own = await byPeriod({ account: code });
      await charge(code, "3", { meter });
      expect(await windows(own)).toEqual([midnight(daysAgo(days))]);
      expect(await used(own)).toBe("3");
      expect(await charge(code, "3", { meter })).toMatchObject({
        reasons: [{ code: "BUDGET_EXCEEDED" }],
      });
    },
  );

  test("goes on when a plan of another cadence follows in the middle of it", async () => {
    const meter = (await world().meter(await world().product())).code;
    const { code, id } = await open();
    const epoch = { billEpoch: daysAgo(40).toString() };
    const first = await world().attach(id, await planOf({ billFrequency: "ANNUALLY" }), epoch);
    const own = await byPeriod({ account: code });
    await charge(code, "3", { meter });
    const now = new Date().toISOString();
    const attached = await world().get(`accountplans/${first}`);
    await world().api.call("PUT", `accountplans/${first}`, { ...attached, endDate: now });
    await world().attach(id, await planOf({ billFrequency: "DAILY" }), { startDate: now });
    expect(await charge(code, "3", { meter })).toMatchObject({
      reasons: [{ code: "BUDGET_EXCEEDED", used: "3" }],
    });
    expect(await windows(own)).toEqual([midnight(daysAgo(40))]);
  });

  test("of a child without a plan is its parent's, of no account the organization's month", async () => {
    const meter = (await world().meter(await world().product())).code;
    await world().configure({ timezone: zone, monthEpoch: daysAgo(5).toString() });
    const parent = await world().account();
    const epoch = { billEpoch: daysAgo(20).toString() };
    await world().attach(parent.id, await planOf({ billFrequency: "ANNUALLY" }), epoch);
    const child = await open({ parentAccountId: parent.id });
    const alone = await open();
    const [ofChild, ofAlone, ofBots] = [
      await byPeriod({ account: child.code }),
      await byPeriod({ account: alone.code }),
      await byPeriod({ agent: "bot" }),
    ];
    await charge(child.code, "1", { meter, agent: "bot" });
    await charge(alone.code, "1", { meter });
    expect(await windows(ofChild)).toEqual([midnight(daysAgo(20))]);
    expect(await windows(ofAlone)).toEqual([midnight(daysAgo(5))]);
    expect(await windows(ofBots)).toEqual([midnight(daysAgo(5))]);
  });

  test("follows what is changed at the parent, and an account that is made after it was asked for", async () => {
    const meter = (await world().meter(await world().product())).code;
    await world().configure({ timezone: zone, monthEpoch: daysAgo(5).toString() });
    const annually = await planOf({ billFrequency: "ANNUALLY" });
    const parent = await world().account();
    const [firstly, code] = [world().fresh("spender"), world().fresh("spender")];
    const [early, own] = [await byPeriod({ account: firstly }), await byPeriod({ account: code })];
    expect(await charge(firstly, "1", { meter })).toMatchObject({ decision: "deny" });
    for (const named of [firstly, code]) {
      await wallets().account(named);
      await wallets().grant(named, "100");
    }
    await world().attach(wallets().idOf(firstly), annually, { billEpoch: daysAgo(30).toString() });
    await charge(firstly, "1", { meter });
    expect(await windows(early)).toEqual([midnight(daysAgo(30))]);

    const id = wallets().idOf(code);
    const version = 1;
    const named = { code, name: code, emailAddress: "child@example.com", version };
    const moved = { ...named, parentAccountId: parent.id };
    await wallets().client.put(`accounts/${id}`, moved);
    await charge(code, "1", { meter });
    await world().attach(parent.id, annually, { billEpoch: daysAgo(20).toString() });
    await charge(code, "1", { meter });
    expect(await windows(own)).toEqual([midnight(daysAgo(20)), midnight(daysAgo(5))]);
  });
});

describe("a budget by unit", () => {
  /** A meter whose tokens and calls are both priced, unless only some are; an account with a budget for each. */
  const sell = async (priced = ["token", "call"]) => {
    const productId = await world().product();
    const meter = await world().meter(productId);
    const plan = await world().plan(productId);
    const counts = [{ unit: "token" }, { aggregation: "COUNT", unit: "call" }];
    for (const aggregation of counts) {
      const aggregationId = await world().aggregation(meter.id, aggregation);
      if (!priced.includes(aggregation.unit)) continue;
      await world().price({ planId: plan.id, aggregationId }, [[0, 0.01]]);
    }
    const { code, id } = await open();
    await world().attach(id, plan.id, { billEpoch: "2024-01-01" });
    const scope = { account: code };
    const tokens = await budget({ scope, unit: "token", limit: "100", window: "lifetime" });
    const calls = await budget({ scope, unit: "call", limit: "3", window: "lifetime" });
    const use = (amount: number, more: Readonly<Record<string, unknown>> = {}) =>
      wallets().authorize({
        uid: world().fresh("use"),
        account: code,
        meter: meter.code,
        measure: { amount },
        ...more,
      });
    const both = async () => [await used(tokens), await used(calls)];
    return { code, id, meter: meter.code, use, both };
  };

  test("counts what each price counts, whichever is the first", async () => {
    const { use, both } = await sell();
    expect(await use(60)).toMatchObject({ amount: "0.61" });
    expect(await use(41)).toMatchObject({
      reasons: [{ code: "BUDGET_EXCEEDED", requested: "41" }],
    });
    await use(10);
    await use(10);
    expect(await both()).toEqual(["80", "3"]);
    expect(await use(1)).toMatchObject({ reasons: [{ code: "BUDGET_EXCEEDED", requested: "1" }] });
  });

  test.each([
    ["calls", "token", "0.3"],
    ["tokens", "call", "0.01"],
  ])("counts the %s that the plan does not price as well", async (_, unit, cost) => {
    const { id, both, ...sold } = await sell([unit]);
    const ts = "2024-05-15T12:00:00Z";
    const use = (amount: number, more = {}) => sold.use(amount, { ts, ...more });
    await use(30);
    expect(await both()).toEqual(["30", "1"]);
    const amount = (await use(30, { mode: "check" })).amount;
    expect(amount).toBe(cost);
    const uid = world().fresh("session");
    expect(await use(30, { uid, mode: "session" })).toMatchObject({
      remaining: { budgets: [{ used: "60" }, { used: "2" }] },
    });
    const [first, next] = [{ measure: { amount: 10 } }, { measure: { amount: 20 } }];
    await wallets().act(uid, "update", { sequence: 1, used: first, request: next });
    expect(await both()).toEqual(["40", "2"]);
    await wallets().act(uid, "settle", { sequence: 2 });
    expect(await both()).toEqual(["40", "2"]);
    const held = world().fresh("held");
    await use(50, { uid: held, mode: "hold", onExpiry: "settle", ttlSeconds: 1 });
    // Of what is counted twice no part is granted.
    expect(await use(60, { partial: "allow" })).toMatchObject({ decision: "deny" });
    expect(await use(1)).toMatchObject({
      reasons: [{ code: "BUDGET_EXCEEDED", used: "3", requested: "1" }],
    });
    await expect.poll(both, { timeout: 5_000 }).toEqual(["90", "3"]);
    await wallets().post("refunds", { uid: `${held}-back`, of: held });
    expect(await both()).toEqual(["40", "2"]);
    await use(1);
    expect(await both()).toEqual(["41", "3"]);
    // 30, 10 and 1 tokens, in a call each.
    const billed = unit === "token" ? "0.41" : "0.03";
    expect(await world().lines(id, "2024-06-01")).toEqual([
      `USAGE ${billed}`,
      `BALANCE_CONSUMED -${billed}`,
      "TOTAL 0",
    ]);
  });

  test("counts calls that name their own amount by all aggregations of the meter", async () => {
    const { use, both } = await sell();
    const explicit = { amount: "1", asset: "USD" };
    await use(30, explicit);
    expect(await both()).toEqual(["30", "1"]);
    // There is no half of a call.
    expect(await use(90, { ...explicit, partial: "allow" })).toMatchObject({
      decision: "deny",
      reasons: [{ code: "BUDGET_EXCEEDED", used: "30", requested: "90" }],
    });
  });

  test("counts what is spent of a lease as what is charged, and then stops what comes next", async () => {
    const { code, meter, use, both } = await sell();
    const id = world().fresh("lease");
    const lease = { account: code, asset: "USD", amount: "5", ttlSeconds: 600 };
    expect(await wallets().post("leases", { id, ...lease })).toMatchObject({ decision: "allow" });
    const report = (sequence: number, ...amounts: number[]) =>
      wallets().post(`leases/${id}/report`, {
        sequence,
        final: false,
        spends: amounts.map((amount) => ({
          uid: world().fresh("spend"),
          meter,
          amount: "0.5",
          measure: { amount },
        })),
      });
    await use(10);
    expect(await report(1, 60, 20)).toMatchObject({ amount: "1" });
    expect(await both()).toEqual(["90", "3"]);
    expect(await report(2, 20)).toMatchObject({ amount: "0.5" });
    expect(await both()).toEqual(["110", "4"]);
    const reasons = [
      { code: "BUDGET_EXCEEDED", used: "110", limit: "100" },
      { code: "BUDGET_EXCEEDED", used: "4", limit: "3" },
    ];
    expect(await use(1)).toMatchObject({ decision: "deny", reasons });
    expect(await wallets().post("leases", lease)).toMatchObject({ decision: "deny", reasons });
    const renewal = { sequence: 1, ttlSeconds: 900 };
    expect(await wallets().client.call("POST", `leases/${id}/renew`, renewal)).toMatchObject({
      status: 409,
      body: { errorCode: "BUDGET_EXCEEDED" },
    });
    expect(await report(3, 1)).toMatchObject({ amount: "0.5" });
    expect(await both()).toEqual(["111", "5"]);
  });
});

test("a budget that refuses says whose it is", async () => {
  const { code } = await open();
  const { code: meter } = await world().meter();
  const scope = { account: code, agent: "crawler" };
  await budget({ scope, asset: "USD", window: "month" });
  const denied = await charge(code, "6", { meter, agent: "crawler" });
  const reason = { code: "BUDGET_EXCEEDED", scope, limit: "5", used: "0", requested: "6" };
  expect(denied).toMatchObject({ reasons: [reason] });
  expect(await world().get(`authorizations/${denied.uid}`)).toMatchObject({ reasons: [reason] });
});
