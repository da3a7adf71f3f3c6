import { beforeAll, expect, test } from "vitest";
import { brokenInvariants, waitForRelay } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Amounts and quantities as large as requests may say them, and sums of them. */

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

/** The most that an amount may say before the point. */
const nines = "9".repeat(30);

beforeAll(async () => {
  await wallets().meter("calls");
  await wallets().client.create("assets", { code: "WEI", name: "WEI", scale: 18, kind: "custom" });
});

const sound = async (): Promise<void> => {
  await waitForRelay(url());
  expect(await brokenInvariants(url(), world().server.orgId)).toEqual([]);
};

/** An account with 100 dollars and units at so many. */
const open = async (code: string, unitPrice = 0): Promise<void> => {
  await wallets().account(code);
  await wallets().grant(code, "100");
  const pricingBands = [{ lowerLimit: 0, fixedPrice: 0, unitPrice }];
  await wallets().plan(code, { cumulative: true, pricingBands });
};

test("a charge, a hold and a refund of a quantity without end", async () => {
  await open("many");
  const charge = (uid: string, units: number, more: object = {}) =>
    wallets().charge("many", uid, "1", { measure: { units }, ...more });
  expect(await charge("m1", 1e26)).toMatchObject({ granted: `1${"0".repeat(26)}` });
  expect(await charge("m2", 1e300)).toMatchObject({ granted: `1${"0".repeat(300)}` });
  await wallets().post("refunds", { uid: "m2-back", of: "m2" });
  await charge("m3", 1e26, { mode: "hold" });
  await wallets().settle("m3", "1", { measure: { units: 1e27 } });
  await sound();
});

test("positions and budgets by unit that add up to more than any of them", async () => {
  await open("free");
  await wallets().client.create("budgets", {
    code: "units",
    name: "units",
    scope: { account: "free" },
    unit: "unit",
    window: "lifetime",
    limit: nines,
    alerts: [1],
  });
  for (const uid of ["f1", "f2", "f3"])
    expect(
      await wallets().authorize({ uid, account: "free", measure: { units: 9e29 / 3 } }),
    ).toMatchObject({ decision: "allow" });
  await sound();
});

test("grants, a charge of their sum and what is left", async () => {
  await wallets().account("rich");
  const asset = "WEI";
  for (const nth of [1, 2, 3]) await wallets().grant("rich", nines, { asset, id: `rich-${nth}` });
  const all = (3n * BigInt(nines)).toString();
  expect(await wallets().wallet("rich", asset)).toMatchObject({ available: all });
  const charged = await wallets().charge("rich", "r1", nines, { asset });
  expect(charged).toMatchObject({ decision: "allow", amount: nines });
  await wallets().charge("rich", "r2", nines, { asset, mode: "hold" });
  const settled = await wallets().settle("r2", "999999999999999999999999999999.5");
  expect(settled).toMatchObject({
    amount: `${nines}.5`,
    remaining: { account: `${BigInt(nines) - 1n}.5` },
  });
  await sound();
});

test("a part, a top-up, a lease and a debt of thirty digits", async () => {
  await open("debtor");
  await wallets().setWallet("debtor", { mode: "soft", debtLimit: nines });
  await wallets().hold("debtor", "d1", "1");
  expect(await wallets().settle("d1", nines)).toMatchObject({ amount: nines });
  const topUp = { id: "d-up", account: "debtor", asset: "WEI", creditAmount: nines };
  await wallets().post("topups", topUp);
  await wallets().post("topups/d-up/confirm", { payment: "p1" });
  expect(await wallets().wallet("debtor", "WEI")).toMatchObject({ available: nines });
  const lease = { id: "d-lease", account: "debtor", asset: "WEI", amount: nines, ttlSeconds: 60 };
  await wallets().post("leases", lease);
  const spends = [{ uid: "d-spent", meter: "calls", amount: nines, measure: { units: 1e29 } }];
  await wallets().post("leases/d-lease/report", { sequence: 1, spends });
  await sound();
});

test("measurements of an account with a wallet", async () => {
  await open("plain", 1);
  const ts = new Date().toISOString();
  const measurements = [1e300, -1e300, 1e26].map((units, nth) => ({
    uid: `p${nth}`,
    account: "plain",
    meter: "calls",
    ts,
    measure: { units },
  }));
  expect(await wallets().status("measurements", { measurements })).toBe(200);
  await sound();
});
