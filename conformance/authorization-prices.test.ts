import { afterAll, beforeAll, expect, test } from "vitest";
import { Wallets } from "./authorization-client.ts";
import { BillingWorld } from "./billing-world.ts";

/** What a plan says beyond one price for one sum, each by a case worked by hand; May 2024 is billed on June 1. */

const june = "2024-06-01";

const state: { world?: BillingWorld; wallets?: Wallets } = {};
const world = (): BillingWorld => {
  if (state.world === undefined) throw new Error("no server");
  return state.world;
};
const wallets = (): Wallets => {
  if (state.wallets === undefined) throw new Error("no server");
  return state.wallets;
};

beforeAll(async () => {
  state.world = await BillingWorld.open();
  state.wallets = await Wallets.open(world().server);
  await wallets().asset("USD", 6);
});
afterAll(() => state.world?.close());

const open = async (planId: string, funds: string): Promise<{ code: string; id: string }> => {
  const code = world().fresh("payer");
  const id = await wallets().account(code);
  await world().attach(id, planId);
  await wallets().grant(code, funds);
  return { code, id };
};

const balance = async (code: string): Promise<string> => (await wallets().wallet(code)).balance;

const ts = "2024-05-15T12:00:00Z";

test("a meter with two prices: a call costs their sum, and the bill has a line for each", async () => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId);
  const tokens = await world().aggregation(meter.id);
  const calls = await world().aggregation(meter.id, { aggregation: "COUNT", unit: "call" });
  await world().price({ planId: plan.id, aggregationId: tokens }, [
    [0, 0.01],
    [100, 0.005],
  ]);
  await world().price({ planId: plan.id, aggregationId: calls }, [
    [0, 0.1],
    [2, 0],
  ]);
  const { code, id } = await open(plan.id, "1.60");
  const use = (uid: string, amount: number, mode = "charge") =>
    wallets().authorize({
      uid: `${code}-${uid}`,
      account: code,
      meter: meter.code,
      ts,
      mode,
      measure: { amount },
    });
  // 80 × 0.01 + 0.10
  expect(await use("first", 80)).toMatchObject({ decision: "allow", amount: "0.9" });
  // 20 × 0.01 + 20 × 0.005 + 0.10
  expect(await use("second", 40, "hold")).toMatchObject({ holds: "0.4" });
  await wallets().act(`${code}-second`, "settle", { sequence: 1, measure: { amount: 30 } });
  // 20 × 0.01 + 10 × 0.005 + 0.10 were settled: 1.60 − 0.90 − 0.35
  expect(await balance(code)).toBe("0.35");
  // 80 × 0.005, the third call is free: 0.40.
  expect(await use("third", 80)).toMatchObject({
    decision: "deny",
    reasons: [{ code: "INSUFFICIENT_FUNDS", shortfall: "0.05" }],
  });
  expect(await use("fourth", 10)).toMatchObject({ amount: "0.05" });
  // T(120) = 1.10 and 0.20 for three calls.
  expect((await world().lines(id, june)).toSorted()).toEqual([
    "BALANCE_CONSUMED -0.2",
    "BALANCE_CONSUMED -1.1",
    "TOTAL 0",
    "USAGE 0.2",
    "USAGE 1.1",
  ]);
  expect(await balance(code)).toBe("0.3");
});
