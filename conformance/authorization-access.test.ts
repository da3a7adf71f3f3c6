import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { callWithKey } from "./authorization-client.ts";
import { walletWorld } from "./wallet-world.ts";

const { world, wallets } = walletWorld();
beforeAll(() => wallets().meter("calls"));

test("a frozen account and a feature that is withheld are refused at once", async () => {
  await wallets().account("frozen");
  await wallets().grant("frozen", "10");
  const path = `accounts/${wallets().idOf("frozen")}/wallet`;
  const access = (body: object) => wallets().client.call("PUT", path, body);
  const charge = (uid: string, more = {}) => wallets().charge("frozen", uid, "1", more);
  await wallets().hold("frozen", "frozen-hold", "2");
  expect(await access({ frozen: true })).toMatchObject({ status: 200, body: { frozen: true } });
  expect(await charge("frozen-1")).toMatchObject({ reasons: [{ code: "ACCOUNT_FROZEN" }] });
  // W18: not even what is free; but what ran is settled.
  expect(await wallets().charge("frozen", "frozen-2", "0")).toMatchObject({ decision: "deny" });
  expect(await wallets().settle("frozen-hold", "2")).toMatchObject({ state: "SETTLED" });
  await access({ features: ["search"] });
  expect(await wallets().client.call("GET", path)).toMatchObject({
    body: { frozen: false, features: ["search"], accounts: [{ balance: "8" }] },
  });
  expect(await charge("frozen-3", { feature: "chat" })).toMatchObject({
    reasons: [{ code: "NO_ENTITLEMENT", feature: "chat" }],
  });
  expect(await charge("frozen-4", { feature: "search" })).toMatchObject({ decision: "allow" });
  await access({});
  expect(await charge("frozen-5", { feature: "chat" })).toMatchObject({ decision: "allow" });
});

test("a budget's alert is an event, once for each limit", async () => {
  await wallets().account("alerted");
  await wallets().grant("alerted", "10");
  const budget = await wallets().client.create("budgets", {
    code: "alerted",
    scope: { account: "alerted" },
    asset: "USD",
    window: "lifetime",
    limit: "4",
    alerts: [50, 100],
  });
  const alerts = async (): Promise<unknown[]> => {
    const path = "events?eventName=authorization.budget.alert";
    const { body } = await wallets().client.call("GET", path);
    const event = z.object({
      m3terEvent: z.object({ eventData: z.object({ newDto: z.unknown() }) }),
    });
    const { data } = z.object({ data: z.array(event) }).parse(body);
    return data.map(({ m3terEvent }) => m3terEvent.eventData.newDto);
  };
  await wallets().charge("alerted", "alerted-1", "1.99");
  expect(await alerts()).toEqual([]);
  await wallets().charge("alerted", "alerted-2", "0.01");
  await wallets().charge("alerted", "alerted-3", "1");
  const half = { budgetId: budget.id, percent: 50 };
  expect(await alerts()).toMatchObject([half]);
  await wallets().charge("alerted", "alerted-4", "1");
  expect(await alerts()).toMatchObject([{ ...half, percent: 100 }, half]);
  const { used: _used, held: _held, ...document } = budget;
  await wallets().client.put(`budgets/${budget.id}`, { ...document, limit: "12" });
  await wallets().charge("alerted", "alerted-5", "1.9");
  expect(await alerts()).toHaveLength(2);
  await wallets().charge("alerted", "alerted-6", "0.1");
  await wallets().charge("alerted", "alerted-7", "0.1");
  expect(await alerts()).toMatchObject([half, { ...half, percent: 100 }, half]);
});

test.each([
  ["assets", { code: "KEYED", name: "Keyed", scale: 2, kind: "custom" }],
  ["assetrates", { from: "USD", to: "KEYED", rate: "2", effectiveAt: "2025-01-01T00:00:00Z" }],
  ["budgets", { code: "keyed", asset: "USD", window: "day", limit: "1", mode: "soft" }],
  ["ratelimits", { code: "keyed", scope: { account: "keyed" }, limit: 1, windowSeconds: 1 }],
  ["concurrencylimits", { code: "keyed", scope: { account: "keyed" }, limit: 1 }],
  [
    "autotopups",
    {
      code: "keyed",
      account: "alerted",
      asset: "USD",
      threshold: "0",
      creditAmount: "1",
      paymentMethod: "card",
    },
  ],
])("%s are configured with a key pair as well as with a token", async (path, body) => {
  const answer = await callWithKey(world().server, path, body);
  expect(answer).toMatchObject({ status: 200, body: { version: 1 } });
});
