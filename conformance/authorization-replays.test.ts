import { beforeAll, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

/** What was answered is answered again (I10), whatever became of the configuration that it was decided by. */

const { world, wallets } = walletWorld();
beforeAll(async () => {
  const meter = await wallets().meter("calls");
  await wallets().client.create("aggregations", {
    meterId: meter.id,
    name: "Units",
    targetField: "units",
    aggregation: "SUM",
    rounding: "NONE",
    quantityPerUnit: 1,
    unit: "unit",
  });
});

test.each([
  ["unit", { unit: "unit" }, { limit: "10", used: "4", requested: "11" }],
  ["asset", { asset: "USD" }, { limit: "10", used: "2", requested: "11" }],
])("a budget by %s is gone, and its answers say what they said", async (code, counts, denial) => {
  const account = `by-${code}`;
  await wallets().account(account);
  await wallets().grant(account, "100");
  const fields = { code, scope: { account }, window: "lifetime", limit: "10" };
  const { id } = await wallets().client.create("budgets", { ...fields, ...counts });
  const allowed = () => wallets().charge(account, `${account}-4`, "2", { measure: { units: 4 } });
  const denied = () => wallets().charge(account, `${account}-11`, "11", { measure: { units: 11 } });
  const first = [await allowed(), await denied()];
  const budget = { budgetId: id, budget: code };
  expect(first).toMatchObject([
    { remaining: { budgets: [{ ...budget, used: denial.used, limit: "10" }] } },
    { reasons: [{ ...budget, code: "BUDGET_EXCEEDED", ...denial }] },
  ]);
  const standing = await world().get(`authorizations/${account}-11`);
  await wallets().client.remove(`budgets/${id}`);
  const again = [await allowed(), await denied()];
  expect(again).toEqual(first.map((answer) => ({ ...answer, replayed: true })));
  expect(await world().get(`authorizations/${account}-11`)).toEqual(standing);
});

test("what names a meter that there is none of is told first that its uid is another's", async () => {
  await wallets().account("stays");
  await wallets().grant("stays", "10");
  await wallets().charge("stays", "stays-charge", "4");
  const unknown = { account: "stays", meter: "unknown", asset: "USD", amount: "4" };
  const status = (more: object) =>
    wallets().status("authorizations", { ...unknown, uid: "stays-charge", ...more });
  expect(await status({ mode: "charge" })).toBe(409);
  expect(await status({ mode: "charge", uid: "stays-new" })).toBe(400);
  // What only asks is never remembered.
  expect(await status({ mode: "check" })).toBe(400);
  expect(await status({ mode: "charge", dryRun: true })).toBe(400);
  expect(await wallets().wallet("stays")).toMatchObject({ balance: "6", held: "0" });
});

test("an asset is gone, and what was refused for want of it stays refused", async () => {
  const { id } = await wallets().asset("GONE", 6);
  await wallets().account("poor");
  const charge = () => wallets().charge("poor", "poor", "4", { assets: ["GONE", "USD"] });
  const first = await charge();
  expect(first).toMatchObject({ decision: "deny", reasons: [{ code: "INSUFFICIENT_FUNDS" }] });
  await wallets().client.remove(`assets/${id}`);
  expect(await charge()).toEqual({ ...first, replayed: true });
});

test("the asset of what was refused stays, and the refusal says the same amounts", async () => {
  const { id } = await wallets().asset("LENT", 6);
  await wallets().account("lessee");
  const lease = { id: "lent", account: "lessee", asset: "LENT", amount: "1.5", ttlSeconds: 60 };
  const open = () => wallets().post("leases", lease);
  const charge = () => wallets().charge("lessee", "lessee", "2.5", { asset: "LENT" });
  const reasons = (shortfall: string) => [{ code: "INSUFFICIENT_FUNDS", shortfall }];
  const first = [await open(), await charge()];
  expect(first).toMatchObject([{ reasons: reasons("1.5") }, { reasons: reasons("2.5") }]);
  expect(await wallets().client.call("DELETE", `assets/${id}`)).toMatchObject({
    status: 400,
    body: { errorCode: "RECORD_IN_USE" },
  });
  const again = first.map((answer) => ({ ...Object(answer), replayed: true }));
  expect([await open(), await charge()]).toEqual(again);
});

test("a lease of an asset that there is none of is told first that its id is another's", async () => {
  await wallets().account("lent");
  const lease = { id: "lent-once", account: "lent", amount: "4", ttlSeconds: 60 };
  await wallets().post("leases", { ...lease, asset: "USD" });
  const status = (more: object) => wallets().status("leases", { ...lease, asset: "NONE", ...more });
  expect(await status({})).toBe(409);
  expect(await status({ id: "lent-new" })).toBe(400);
});

test("a report that names a meter that there is none of is told first that its sequence is another's", async () => {
  await wallets().account("spender");
  await wallets().grant("spender", "10");
  const lease = { id: "spent", account: "spender", asset: "USD", amount: "4", ttlSeconds: 60 };
  await wallets().post("leases", lease);
  const report = (sequence: number, meter: string) => {
    const spends = [{ uid: `spent-${sequence}`, meter, amount: "1", measure: { units: 1 } }];
    return wallets().client.call("POST", "leases/spent/report", { sequence, spends, final: false });
  };
  const first = await report(1, "calls");
  expect(first).toMatchObject({ status: 200, body: { amount: "1", holds: "3" } });
  expect(await report(1, "calls")).toMatchObject({ status: 200, body: { replayed: true } });
  expect(await report(1, "unknown")).toMatchObject({ status: 409 });
  expect(await report(2, "unknown")).toMatchObject({
    status: 400,
    body: { errors: [{ field: "spends[0].meter" }] },
  });
});

test("a refusal names the field that the request has, not one that it has not", async () => {
  await wallets().account("named");
  await wallets().grant("named", "100");
  await wallets().hold("named", "named-hold", "5");
  await wallets().charge("named", "named-session", "5", { mode: "session" });
  await wallets().charge("named", "named-charge", "5");
  await wallets().settle("named-hold", "1", { final: false });
  await wallets().act("named-hold", "extend", { sequence: 1, ttlSeconds: 1 });
  const next = { used: { amount: "1" }, request: { amount: "1" } };
  await wallets().act("named-session", "update", { sequence: 1, ...next });
  await wallets().post("refunds", { uid: "named-refund", of: "named-charge", amount: "1" });
  const lease = { id: "named-lease", account: "named", asset: "USD", amount: "4", ttlSeconds: 60 };
  await wallets().post("leases", lease);
  await wallets().post("leases/named-lease/renew", { sequence: 1, ttlSeconds: 60 });
  await wallets().post("leases/named-lease/report", { sequence: 2, spends: [], final: false });
  const charge = { uid: "named-charge", account: "named", meter: "calls", mode: "charge" };
  for (const [path, body, field] of [
    ["authorizations", { ...charge, amount: "6", asset: "USD" }, "uid"],
    ["authorizations/named-charge/void", {}, "uid"],
    ["authorizations/named-charge/settle", { sequence: 1, amount: "1" }, "uid"],
    ["authorizations/named-hold/settle", { sequence: 1, amount: "2" }, "sequence"],
    ["authorizations/named-hold/extend", { sequence: 1, ttlSeconds: 2 }, "sequence"],
    [
      "authorizations/named-session/update",
      { sequence: 1, ...next, used: { amount: "2" } },
      "sequence",
    ],
    ["refunds", { uid: "named-refund", of: "named-charge", amount: "2" }, "uid"],
    ["refunds", { uid: "named-refund-2", of: "named-charge", amount: "20" }, "of"],
    ["leases", { ...lease, amount: "5" }, "id"],
    ["leases/named-lease/renew", { sequence: 1, ttlSeconds: 61 }, "sequence"],
    ["leases/named-lease/report", { sequence: 2, spends: [] }, "sequence"],
  ] as const) {
    const answer = await wallets().client.call("POST", path, body);
    expect({ path, ...answer }).toMatchObject({ path, status: 409, body: { errors: [{ field }] } });
  }
});
