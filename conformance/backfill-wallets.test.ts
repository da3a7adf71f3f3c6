import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { Wallets } from "./authorization-client.ts";
import { BillingWorld } from "./billing-world.ts";

/** May 2024 has ended: its bill is of June 1. */
const may = "2024-06-01";

const state: { world?: BillingWorld } = {};
beforeAll(async () => {
  state.world = await BillingWorld.open();
});
afterAll(() => state.world?.close());

test("what a backfill changes for a wallet is put right when the period is settled", async () => {
  const { world } = state;
  if (world === undefined) throw new Error("no server");
  const wallets = await Wallets.open(world.server);
  await wallets.asset("USD", 6);
  const productId = await world.product();
  const meter = await world.meter(productId);
  const plan = await world.plan(productId);
  const aggregationId = await world.aggregation(meter.id);
  await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
  const code = world.fresh("wallet");
  const accountId = await wallets.account(code);
  await world.attach(accountId, plan.id);
  await wallets.grant(code, "100");
  const of = { account: code, meter: meter.code, ts: "2024-05-15T12:00:00Z" };
  await wallets.authorize({ uid: "first", ...of, measure: { amount: 10 } });
  const balance = async (): Promise<string> => (await wallets.wallet(code)).balance;
  const settled = async () => [await world.lines(accountId, may), await balance()];
  // 10 at 1 USD
  const before = [["USAGE 10", "BALANCE_CONSUMED -10", "TOTAL 0"], "90"];
  expect(await settled()).toEqual(before);
  const window = { startDate: "2024-05-01T00:00:00Z", endDate: "2024-06-01T00:00:00Z" };
  const replaces = { meterIds: [meter.id], ...window };
  const { body } = await wallets.client.call("POST", "backfills", { name: "May", replaces });
  const path = `backfills/${z.object({ id: z.string() }).parse(body).id}`;
  const text = { region: "UK", tier: "Standard" };
  const measurements = [{ uid: "first", ...of, measure: { amount: 4 }, what: text }];
  await wallets.client.call("POST", `${path}/measurements`, { measurements });
  expect(await wallets.client.call("POST", `${path}/reveal`)).toMatchObject({ status: 200 });
  // Nobody is paid back before the period is settled: 4 at 1 USD.
  expect(await balance()).toBe("90");
  expect(await settled()).toEqual([["USAGE 4", "BALANCE_CONSUMED -4", "TOTAL 0"], "96"]);
  await wallets.client.call("POST", `${path}/revert`);
  expect(await settled()).toEqual(before);
});
