import { setTimeout } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

const { wallets } = walletWorld();
beforeAll(() => wallets().meter("calls"));

test("404 for a lease among authorizations, and for another hold among leases", async () => {
  await wallets().account("kinds");
  await wallets().grant("kinds", "20");
  const lease = { account: "kinds", asset: "USD", amount: "5", ttlSeconds: 60 };
  await wallets().post("leases", { id: "kinds-lease", ...lease });
  await wallets().hold("kinds", "kinds-hold", "5");
  const part = { sequence: 1, amount: "3", measure: { units: 3 } };
  const longer = { sequence: 1, ttlSeconds: 60 };
  const spend = { uid: "kinds-spend", meter: "calls", amount: "3", measure: { units: 3 } };
  const wrong: [path: string, body?: Readonly<Record<string, unknown>>][] = [
    ["authorizations/kinds-lease/settle", part],
    ["authorizations/kinds-lease/extend", { ...longer, addAmount: "1" }],
    ["authorizations/kinds-lease/update", { sequence: 1, used: part, request: part }],
    ["authorizations/kinds-lease/void"],
    ["leases/kinds-hold/report", { sequence: 1, spends: [spend] }],
    ["leases/kinds-hold/renew", longer],
    ["leases/kinds-hold/release"],
  ];
  for (const [path, body] of wrong)
    expect([path, await wallets().status(path, body)]).toEqual([path, 404]);
  expect(await wallets().client.call("GET", "authorizations/kinds-lease")).toMatchObject({
    status: 404,
  });
  expect(await wallets().wallet("kinds")).toMatchObject({ balance: "20", held: "10" });
  expect(await wallets().act("kinds-hold", "void")).toMatchObject({ state: "VOIDED" });
});

test("what the end of a lease took is refunded by the lease's id, as it was taken by no call", async () => {
  await wallets().account("ended");
  await wallets().grant("ended", "20");
  const lease = { id: "ended-lease", account: "ended", asset: "USD", amount: "5", ttlSeconds: 1 };
  await wallets().post("leases", lease);
  const spends = [{ uid: "ended-1", meter: "calls", amount: "2", measure: { units: 2 } }];
  const report = { sequence: 1, spends, final: false };
  await wallets().post("leases/ended-lease/report", report);
  const refund = { uid: "ended-refund", of: "ended-lease" };
  expect(await wallets().status("refunds", refund)).toBe(409);
  await setTimeout(1100);
  // 20 − 2 spent − 3 that nobody had reported.
  expect(await wallets().wallet("ended")).toMatchObject({ balance: "15", held: "0" });
  expect(await wallets().post("refunds", refund)).toMatchObject({ amount: "3", replayed: false });
  expect(await wallets().post("refunds", refund)).toMatchObject({ amount: "3", replayed: true });
  expect(await wallets().status("refunds", { ...refund, uid: "ended-again" })).toBe(409);
  expect(await wallets().wallet("ended")).toMatchObject({ balance: "18", available: "18" });
  expect((await wallets().client.call("GET", "leases/ended-lease")).body).toMatchObject({
    state: "SETTLED",
    settled: "5",
    refunded: "3",
  });
});

test("400 when one of the assets that may pay is given twice", async () => {
  await wallets().account("twice");
  await wallets().grant("twice", "10");
  const body = { uid: "twice", account: "twice", meter: "calls", mode: "charge" };
  const price = { amount: "15", asset: "USD", assets: ["USD", "USD"] };
  const { status, body: refusal } = await wallets().client.call("POST", "authorizations", {
    ...body,
    ...price,
  });
  expect([status, JSON.stringify(refusal)]).toEqual([400, expect.stringContaining("assets")]);
});

test("what is granted is money where money is all that was asked for, and else a quantity", async () => {
  const { id: meterId } = await wallets().meter("counted");
  const counts = { aggregation: "SUM", rounding: "NONE", quantityPerUnit: 1, unit: "unit" };
  const name = "Units";
  await wallets().client.create("aggregations", { meterId, name, targetField: "units", ...counts });
  await wallets().account("money");
  await wallets().grant("money", "7");
  const ask = (uid: string, amount: string, more: object = {}) =>
    wallets().charge("money", uid, amount, { meter: "counted", partial: "allow", ...more });
  // W16
  const partial = { decision: "partial", granted: "7", amount: "7" };
  expect(await ask("money-check", "10", { mode: "check" })).toMatchObject(partial);
  const measured = { mode: "check", measure: { units: 20 } };
  expect(await ask("money-units", "10", measured)).toMatchObject({ granted: "14", amount: "7" });
  expect(await ask("money-hold", "10", { mode: "hold" })).toMatchObject(partial);
  expect(await ask("money-none", "1")).toMatchObject({ decision: "deny", granted: "0" });
  const standing = () => wallets().client.call("GET", "authorizations/money-hold");
  expect(await standing()).toMatchObject({ body: { amount: "7", granted: "7", holds: "7" } });
  const left = { granted: "5", holds: "5" };
  expect(await wallets().settle("money-hold", "2", { final: false })).toMatchObject(left);
  // What it was decided at stays.
  expect(await standing()).toMatchObject({ body: { amount: "7", ...left } });
  await wallets().act("money-hold", "void");
  const both = { mode: "session", measure: { units: 5 } };
  expect(await ask("money-session", "5", both)).toMatchObject({ granted: "5" });
  const used = { measure: { units: 5 }, amount: "3" };
  const more = { sequence: 1, used, request: { amount: "2", measure: { units: 1 } } };
  expect(await wallets().act("money-session", "update", more)).toMatchObject({
    granted: "1",
    holds: "2",
  });
  const lease = { id: "money-lease", account: "money", asset: "USD", amount: "0", ttlSeconds: 60 };
  expect(await wallets().post("leases", lease)).toMatchObject({ granted: "0" });
});
