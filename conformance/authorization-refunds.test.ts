import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  brokenInvariants,
  inspect,
  voidsLeft,
  waitForRelay,
  waitForVoids,
  whileLocked,
} from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Refunds of calls whose usage does not add up: the bill of May 2024 is of June 1. */

const url = ownDatabase();
const { world, wallets, restart } = walletWorld(() => ({ DATABASE_URL: url() }));
const june = "2024-06-01";

/** A call costs 0.50, and each unit of it 0.10 where units are priced, too. */
const sell = async ({ hasUnits = false } = {}) => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId);
  const calls = await world().aggregation(meter.id, { aggregation: "COUNT", unit: "call" });
  await world().price({ planId: plan.id, aggregationId: calls }, [[0, 0.5]]);
  if (hasUnits) {
    const aggregationId = await world().aggregation(meter.id);
    await world().price({ planId: plan.id, aggregationId }, [[0, 0.1]]);
  }
  const code = world().fresh("caller");
  const id = await wallets().account(code);
  await world().attach(id, plan.id);
  await wallets().grant(code, "100");
  const uidOf = (name: string) => `${code}-${name}`;
  return {
    id,
    code,
    uidOf,
    use: (name: string, more: object = {}) =>
      wallets().authorize({
        uid: uidOf(name),
        account: code,
        meter: meter.code,
        ts: "2024-05-15T12:00:00Z",
        measure: { amount: 4 },
        ...more,
      }),
    settle: (name: string, sequence: number, final: boolean) =>
      wallets().act(uidOf(name), "settle", { sequence, measure: { amount: 4 }, final }),
    refund: (name: string, of: string, amount?: string) =>
      wallets().post("refunds", { uid: uidOf(name), of: uidOf(of), ...(amount ? { amount } : {}) }),
    balance: async () => (await wallets().wallet(code)).balance,
    lines: async () => (await world().lines(id, june)).toSorted(),
  };
};

test("undo the call as well, once, however often they are asked for", async () => {
  const { use, refund, balance, lines } = await sell();
  for (const name of ["one", "two", "three"]) await use(name);
  const answer = await refund("back", "one");
  expect(await refund("back", "one")).toEqual({ ...Object(answer), replayed: true });
  await waitForVoids(url());
  expect(await lines()).toEqual(["BALANCE_CONSUMED -1", "TOTAL 0", "USAGE 1"]);
  expect(await balance()).toBe("99");
});

test("undo what is summed besides, and every part of a hold", async () => {
  const { use, settle, refund, balance, lines } = await sell({ hasUnits: true });
  await use("kept");
  await use("held", { mode: "hold" });
  await settle("held", 1, false);
  await settle("held", 2, true);
  // 4 × 0.10 + 0.50, three times.
  expect(await balance()).toBe("97.3");
  await refund("back", "held");
  await waitForVoids(url());
  expect(await lines()).toEqual([
    "BALANCE_CONSUMED -0.4",
    "BALANCE_CONSUMED -0.5",
    "TOTAL 0",
    "USAGE 0.4",
    "USAGE 0.5",
  ]);
  expect(await balance()).toBe("99.1");
});

test("undo a part that is settled in the same batch as it is refunded", async () => {
  const { code, use, settle, refund, balance, lines } = await sell();
  await use("kept");
  await use("held", { mode: "hold" });
  const account = `SELECT FROM ledger_account WHERE account = '${code}' FOR UPDATE`;
  const asked = await whileLocked(url(), account, async (waiting) => {
    // The first waits for the lock, and the others for the first.
    const first = use("first");
    await waiting("ledger_account");
    const settled = settle("held", 1, true);
    await delay(200);
    const refunded = refund("back", "held");
    await delay(200);
    return [first, settled, refunded];
  });
  await Promise.all(asked);
  await waitForVoids(url());
  expect(await lines()).toEqual(["BALANCE_CONSUMED -1", "TOTAL 0", "USAGE 1"]);
  expect(await balance()).toBe("99");
});

test("of a part give money only, which the close takes again; with the rest the call is undone", async () => {
  const { use, refund, balance, lines } = await sell();
  await use("one");
  await use("two");
  await refund("part", "one", "0.2");
  expect(await balance()).toBe("99.2");
  expect(await lines()).toEqual(["BALANCE_CONSUMED -1", "TOTAL 0", "USAGE 1"]);
  expect(await balance()).toBe("99");
  await refund("rest", "one");
  await waitForVoids(url());
  expect(await lines()).toEqual(["BALANCE_CONSUMED -0.5", "TOTAL 0", "USAGE 0.5"]);
  expect(await balance()).toBe("99.5");
});

test("of a measurement that was amended undo it as it is", async () => {
  const { use, refund, balance, lines, uidOf } = await sell({ hasUnits: true });
  await use("one");
  await use("two");
  const what = { region: "UK", tier: "Standard" };
  await wallets().post(`measurements/${uidOf("one")}/amend`, {
    reason: "it was wrong",
    measurement: { measure: { amount: 9 }, what },
  });
  // 4 × 0.10 + 0.50 and 9 × 0.10 + 0.50
  expect(await balance()).toBe("97.7");
  await refund("back", "one");
  await waitForVoids(url());
  expect((await lines()).filter((line) => line.startsWith("USAGE"))).toEqual([
    "USAGE 0.4",
    "USAGE 0.5",
  ]);
  expect(await balance()).toBe("99.1");
});

test("after the bill was approved stand on the next one, usage and payment alike", async () => {
  const { use, refund, balance, id } = await sell();
  await use("one");
  await use("two");
  const [bill] = await world().bill(id, june);
  await world().approve(bill?.id ?? "");
  await refund("back", "two");
  await waitForVoids(url());
  expect(await world().lines(id, "2024-07-01")).toEqual([
    "USAGE -0.5",
    "BALANCE_CONSUMED 0.5",
    "TOTAL 0",
  ]);
  expect(await balance()).toBe("99.5");
});

test("survive a crash before the usage store hears of them, and one before that is written down", async () => {
  const { use, refund, balance, lines } = await sell();
  for (const name of ["one", "two", "three"]) await use(name);
  await refund("back-1", "one");
  await world().server.kill();
  await restart();
  await refund("back-2", "two");
  await killBehindTheUsageStore();
  await restart();
  await waitForVoids(url());
  expect(await lines()).toEqual(["BALANCE_CONSUMED -0.5", "TOTAL 0", "USAGE 0.5"]);
  expect(await balance()).toBe("99.5");
  expect(await brokenInvariants(url(), world().server.orgId)).toEqual([]);
});

/** Voided measurements cannot be crossed off meanwhile. */
const killBehindTheUsageStore = (): Promise<void> =>
  whileLocked(url(), "LOCK TABLE usage_void IN SHARE MODE", async (waiting) => {
    expect(await inspect(url(), voidsLeft)).toBeGreaterThan(0);
    await waiting("DELETE FROM usage_void");
    await world().server.kill();
  });

type Use = (body: Readonly<Record<string, unknown>> & { readonly uid: string }) => Promise<unknown>;
const charged: Use = (body) => wallets().authorize(body);

/** Two calls of different regions at their own price, 4 and 7 units, of which the second was refunded, or a part of it. */
const refundedBy = async (
  counts: object,
  pricing: object = {},
  { use = charged, amount }: { readonly use?: Use; readonly amount?: string } = {},
) => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId);
  const aggregationId = await world().aggregation(meter.id, { ...counts });
  await world().price({ planId: plan.id, aggregationId }, [[0, 1]], { ...pricing });
  const code = world().fresh("caller");
  const id = await wallets().account(code);
  await world().attach(id, plan.id);
  await wallets().grant(code, "100");
  const call = (uid: string, day: string, units: number, region: string) =>
    use({
      uid: `${code}-${uid}`,
      account: code,
      amount: `${units}`,
      asset: "USD",
      meter: meter.code,
      ts: `${day}T12:00:00Z`,
      measure: { amount: units },
      what: { region, tier: "Standard" },
    });
  await call("one", "2024-05-15", 4, "UK");
  await call("two", "2024-05-16", 7, "DE");
  const refund = { uid: `${code}-back`, of: `${code}-two`, ...(amount ? { amount } : {}) };
  await wallets().post("refunds", refund);
  await waitForVoids(url());
  const lines = await world().lines(id, june);
  return { id, lines, balance: (await wallets().wallet(code)).balance };
};

test.each([
  { aggregation: "UNIQUE", targetField: "region", left: "USAGE 1" },
  { aggregation: "LATEST", left: "USAGE 4" },
  { aggregation: "MIN", left: "USAGE 4" },
  { aggregation: "MEAN", left: "USAGE 4" },
  { aggregation: "MAX", left: "USAGE 4" },
])(
  "leave nothing of a call behind that a meter's $aggregation sees",
  async ({ left, ...counts }) => {
    expect((await refundedBy(counts)).lines).toContain(left);
  },
);

describe("of one segment", () => {
  const counts = { segmentedFields: ["region"], segments: [{ region: "UK" }, { region: "DE" }] };
  const inGermany = { segment: { region: "DE" } };
  const spent: Use = async ({ account, asset, ...spend }) => {
    const id = `${spend.uid}-lease`;
    await wallets().post("leases", { id, account, asset, amount: "10", ttlSeconds: 60 });
    await wallets().post(`leases/${id}/report`, { sequence: 1, spends: [spend] });
  };
  const uses: readonly [string, Use][] = [
    ["a call", charged],
    ["what was spent of a lease", spent],
  ];

  test.each(uses)("leave nothing of %s", async (_name, use) => {
    const { lines, balance } = await refundedBy(counts, inGermany, { use });
    expect(lines).toEqual(["USAGE DE 0", "TOTAL 0"]);
    // What no segment prices is given back, too.
    expect(balance).toBe("100");
  });

  test.each(uses)("leave a part of %s, and bills take no more", async (_name, use) => {
    const refund = { use, amount: "3" };
    const { lines, balance } = await refundedBy(counts, inGermany, refund);
    expect(lines).toEqual(["USAGE DE 4", "BALANCE_CONSUMED -4", "TOTAL 0"]);
    expect(balance).toBe("96");
  });
});

describe("under a contract whose filters let one region through", () => {
  /** Charges a before and b after what comes between, 4 and 1 units at 2.00 each, refunds a and makes the bill. */
  const refunded = async (
    refund: { readonly amount?: string },
    {
      mode = "charge",
      between,
      counts = {},
      pricing = {},
      derivedFields = [],
      usageFilters = [{ mode: "INCLUDE", dimensionCode: "region", value: "UK" }],
    }: {
      readonly mode?: string;
      readonly between?: (contract: string) => Promise<unknown>;
      readonly counts?: object;
      readonly pricing?: object;
      readonly derivedFields?: readonly object[];
      readonly usageFilters?: readonly object[];
    } = {},
  ) => {
    const productId = await world().product();
    const meter = await world().meter(productId);
    const record = await world().get(`meters/${meter.id}`);
    await wallets().client.put(`meters/${meter.id}`, { ...record, derivedFields });
    const plan = await world().plan(productId);
    const aggregationId = await world().aggregation(meter.id, { ...counts });
    await world().price({ planId: plan.id, aggregationId }, [[0, 2]], { ...pricing });
    const account = world().fresh("agreed");
    const accountId = await wallets().account(account);
    await wallets().grant(account, "100");
    const period = { startDate: "2024-01-01", endDate: "2025-01-01" };
    const terms = { accountId, name: "Agreed", ...period, usageFilters };
    const contractId = await world().create("contracts", terms);
    await world().attach(accountId, plan.id, { contractId });
    const what = { region: "UK", tier: "Standard" };
    const call = (uid: string, amount: number, more: object) =>
      wallets().authorize({
        uid: `${account}-${uid}`,
        account,
        meter: meter.code,
        ts: "2024-05-15T12:00:00Z",
        measure: { amount },
        what,
        ...("segmentedFields" in counts ? { amount: `${amount * 2}`, asset: "USD" } : {}),
        ...more,
      });
    const { uid } = await call("a", 4, { mode });
    const part = { sequence: 1, measure: { amount: 4 }, what, final: true };
    if (mode === "hold") await wallets().act(uid, "settle", part);
    await between?.(contractId);
    await call("b", 1, {});
    await wallets().post("refunds", { uid: `${account}-back`, of: uid, ...refund });
    const { balance } = await wallets().wallet(account);
    await waitForRelay(url());
    await waitForVoids(url());
    const lines = await world().lines(accountId, june);
    expect((await wallets().wallet(account)).balance).toBe(balance);
    return { lines, balance };
  };
  const billOf = (amount: number, segment = "") => ({
    lines: [`USAGE ${segment}${amount}`, `BALANCE_CONSUMED -${amount}`, "TOTAL 0"],
    balance: `${100 - amount}`,
  });

  test("leave nothing of a call", async () => {
    expect(await refunded({})).toEqual(billOf(2));
  });

  test("leave what is not refunded of a call", async () => {
    expect(await refunded({ amount: "4" })).toEqual(billOf(6));
  });

  test("leave nothing of a hold", async () => {
    expect(await refunded({}, { mode: "hold" })).toEqual(billOf(2));
  });

  test("leave what is not refunded of a segment", async () => {
    const counts = { segmentedFields: ["tier"], segments: [{ tier: "Standard" }] };
    const pricing = { segment: { tier: "Standard" } };
    const given = await refunded({ amount: "4" }, { counts, pricing });
    expect(given).toEqual(billOf(6, "Standard "));
  });

  test("leave nothing of a call before which they looked at nothing", async () => {
    const put = async (id: string) => {
      const record = await world().get(`contracts/${id}`);
      const usageFilters = [{ mode: "INCLUDE", dimensionCode: "region", value: "UK" }];
      await wallets().client.put(`contracts/${id}`, { ...record, usageFilters });
    };
    expect(await refunded({}, { usageFilters: [], between: put })).toEqual(billOf(2));
  });

  test("leave nothing of a call that a calculation lets through", async () => {
    const place = { category: "WHERE", code: "place", name: "Place" };
    const derivedFields = [{ ...place, calculation: 'region + "/" + tier' }];
    const usageFilters = [{ mode: "INCLUDE", dimensionCode: "place", value: "UK/Standard" }];
    expect(await refunded({}, { derivedFields, usageFilters })).toEqual(billOf(2));
  });

  test("leave what is not refunded of a call whose meter has no such field", async () => {
    const usageFilters = [{ mode: "EXCLUDE", dimensionCode: "planet", value: "Mars" }];
    expect(await refunded({ amount: "4" }, { usageFilters })).toEqual(billOf(6));
  });
});

test("after a close gave money back undo as much usage as they are of what stands", async () => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId);
  const aggregationId = await world().aggregation(meter.id);
  await world().price({ planId: plan.id, aggregationId }, [[0, 1]]);
  const code = world().fresh("caller");
  const id = await wallets().account(code);
  await world().attach(id, plan.id);
  await wallets().grant(code, "100");
  const measured = { meter: meter.code, ts: "2024-05-15T12:00:00Z", measure: { amount: 10 } };
  await wallets().charge(code, `${code}-call`, "50", measured);
  const lines = () => world().lines(id, june);
  // 10 units at 1.00: 40 of the 50 come back.
  expect(await lines()).toEqual(["USAGE 10", "BALANCE_CONSUMED -10", "TOTAL 0"]);
  expect((await wallets().wallet(code)).balance).toBe("90");
  // Half of the 10.00 that stand.
  await wallets().post("refunds", { uid: `${code}-half`, of: `${code}-call`, amount: "5" });
  await waitForRelay(url());
  expect(await lines()).toEqual(["USAGE 5", "BALANCE_CONSUMED -5", "TOTAL 0"]);
  expect((await wallets().wallet(code)).balance).toBe("95");
});

test("of a priced sum undo the call as a whole or not at all where its meter counts, too", async () => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId);
  const price = async (aggregation: string, unitPrice: number, type: string) => {
    const aggregationId = await world().aggregation(meter.id, { aggregation });
    await world().price({ planId: plan.id, aggregationId }, [[0, unitPrice]], { type });
  };
  await price("SUM", 1, "DEBIT");
  await price("COUNT", 1.5, "PRODUCT_CREDIT");
  const code = world().fresh("caller");
  const id = await wallets().account(code);
  await world().attach(id, plan.id);
  await wallets().grant(code, "100");
  for (const [uid, amount] of [
    ["one", 4],
    ["two", 7],
  ])
    await wallets().authorize({
      uid: `${code}-${uid}`,
      account: code,
      meter: meter.code,
      ts: "2024-05-15T12:00:00Z",
      measure: { amount },
    });
  const refund = (uid: string, more: object) =>
    wallets().post("refunds", { uid: `${code}-${uid}`, of: `${code}-two`, ...more });
  await refund("part", { amount: "3" });
  // 11 units at 1.00 less 1.50 for each of two calls.
  const bill = ["USAGE 11", "USAGE_CREDIT -3", "BALANCE_CONSUMED -8", "TOTAL 0"];
  expect(await world().lines(id, june)).toEqual(bill);
  await refund("rest", {});
  await waitForVoids(url());
  expect(await world().lines(id, june)).toEqual([
    "USAGE 4",
    "USAGE_CREDIT -1.5",
    "BALANCE_CONSUMED -2.5",
    "TOTAL 0",
  ]);
});

test("plain usage that no price adds up is metered all the same", async () => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const code = world().fresh("plain");
  const id = await wallets().account(code);
  await wallets().grant(code, "1");
  await world().use(meter.code, code, [["2024-05-10", 7]]);
  const plan = await world().plan(productId);
  const aggregationId = await world().aggregation(meter.id, { aggregation: "MAX" });
  await world().price({ planId: plan.id, aggregationId }, [[0, 0.1]]);
  await world().attach(id, plan.id);
  await waitForRelay(url());
  expect(await world().lines(id, june)).toContain("USAGE 0.7");
});
