import { describe, expect, test } from "vitest";
import { brokenInvariants, waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { type Bands, ownDatabase, walletWorld } from "./wallet-world.ts";

/** Measurements that are amended to what no plan prices, and what callers priced themselves. */

const url = ownDatabase();
const { world, wallets, sell } = walletWorld(() => ({ DATABASE_URL: url() }));
const june = "2024-06-01";
const what = { region: "UK", tier: "Standard" };

const amend = (uid: string, measurement: object) =>
  wallets().post(`measurements/${uid}/amend`, { reason: "it was wrong", measurement });

const refund = (of: string, amount?: string) =>
  wallets().post("refunds", { uid: world().fresh("refund"), of, ...(amount ? { amount } : {}) });

const isSound = async () => expect(await brokenInvariants(url(), world().server.orgId)).toEqual([]);

const usageOf = async (id: string) => {
  await waitForRelay(url());
  await waitForVoids(url());
  const lines = await world().lines(id, june);
  return lines.filter((line) => line.startsWith("USAGE") && line !== "USAGE 0");
};

/** The first five units are 2.00 each, further ones 1.00; five of them were used. */
const open = async () => {
  const bands: Bands = [
    [0, 2],
    [5, 1],
  ];
  const { use, uidOf, ...payer } = await sell([{ bands }]);
  const call = (name: string, amount: number) => use(name, amount, { what });
  await call("a", 5);
  return {
    ...payer,
    call,
    amendTo: (amount: number, more: object = {}) =>
      amend(uidOf("a"), { measure: { amount }, what, ...more }),
  };
};

describe("what is amended to what no plan prices is given back, and counts where it is then", () => {
  const withoutPlan = async (): Promise<{ account: string }> => {
    const account = world().fresh("poor");
    await wallets().account(account);
    return { account };
  };
  const unpriced = async (): Promise<{ meter: string }> => {
    const { code } = await world().meter(await world().product());
    return { meter: code };
  };

  test.each([
    ["on an account without a plan", withoutPlan],
    ["of a meter without a price", unpriced],
  ])("%s", async (_name, elsewhere) => {
    const { id, call, amendTo, balance } = await open();
    expect(await balance()).toBe("90");
    await amendTo(5, await elsewhere());
    expect(await balance()).toBe("100");
    // The first three of the account.
    expect(await call("b", 3)).toMatchObject({ amount: "6" });
    // It stays there.
    await amendTo(7);
    expect(await balance()).toBe("94");
    expect(await usageOf(id)).toEqual(["USAGE 6"]);
    expect(await balance()).toBe("94");
    await isSound();
  });

  test("on an account with a wallet: charged again, once, where it comes back", async () => {
    const { id, code, meter, call, amendTo, balance } = await open();
    const { account } = await withoutPlan();
    await wallets().grant(account, "50");
    await amendTo(5, { account });
    await call("b", 3);
    await amendTo(4, { account: code, meter: meter.code });
    await amendTo(4, { account: code, meter: meter.code });
    // 5 × 2.00 + 2 × 1.00
    expect(await balance()).toBe("88");
    expect((await wallets().wallet(account)).balance).toBe("50");
    expect(await usageOf(id)).toEqual(["USAGE 12"]);
    expect(await balance()).toBe("88");
    await isSound();
  });
});

describe("what the caller priced keeps its money, and counts as what it is amended to", () => {
  /** Prices by region: 1.00 in the UK, 3.00 elsewhere. By a formula, what a call costs is not known before its period ends. */
  const openByRegion = async () => {
    const productId = await world().product();
    const meter = await world().meter(productId);
    const plan = await world().plan(productId);
    const segments = [{ region: "UK" }, { region: "*" }];
    const counts = { segmentedFields: ["region"], segments };
    const aggregationId = await world().aggregation(meter.id, counts);
    const owner = { planId: plan.id, aggregationId };
    await world().price(owner, [[0, 1]], { segment: { region: "UK" } });
    await world().price(owner, [[0, 3]], { segment: { region: "*" } });
    const all = await world().get(`aggregations/${await world().aggregation(meter.id)}`);
    const compoundAggregationId = await world().create("compoundaggregations", {
      name: "Nothing",
      productId,
      calculation: `aggregation.${String(all["code"])} * 0`,
      rounding: "NONE",
      quantityPerUnit: 1,
      unit: "unit",
    });
    await world().price({ planId: plan.id, compoundAggregationId }, [[0, 1]]);
    const account = world().fresh("payer");
    const id = await wallets().account(account);
    await world().attach(id, plan.id);
    await wallets().grant(account, "100");
    const uid = `${account}-a`;
    const ts = "2024-05-15T12:00:00Z";
    const call = { uid, account, meter: meter.code, ts, measure: { amount: 4 }, what };
    await wallets().authorize({ ...call, amount: "4", asset: "USD" });
    return {
      id,
      refund: (amount?: string) => refund(uid, amount),
      moveToUs: () => amend(uid, { measure: { amount: 4 }, what: { ...what, region: "US" } }),
      voidIt: () => wallets().post(`measurements/${uid}/void`, { reason: "it was wrong" }),
      balance: async () => (await wallets().wallet(account)).balance,
    };
  };

  test("whatever was refunded of it in another segment", async () => {
    const { id, refund: back, moveToUs, balance } = await openByRegion();
    await back("2");
    await moveToUs();
    await moveToUs();
    expect(await balance()).toBe("98");
    // Four of US, and nothing of UK that takes two back.
    expect(await usageOf(id)).toEqual(["USAGE * 12"]);
    expect(await balance()).toBe("88");
    await isSound();
  });

  test("so that later refunds take it back as what it is, with the last of the money", async () => {
    const { id, refund: back, moveToUs, balance } = await openByRegion();
    await moveToUs();
    await back("1");
    expect(await balance()).toBe("97");
    await back("1");
    await back();
    expect(await balance()).toBe("100");
    expect(await usageOf(id)).toEqual([]);
    expect(await balance()).toBe("100");
    await isSound();
  });

  test("and gives all of it back where it is voided then", async () => {
    const { id, refund: back, moveToUs, voidIt, balance } = await openByRegion();
    await back("1");
    await moveToUs();
    await voidIt();
    expect(await balance()).toBe("100");
    expect(await usageOf(id)).toEqual([]);
    await isSound();
  });
});
