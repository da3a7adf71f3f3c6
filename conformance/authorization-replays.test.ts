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
