import { describe, expect, test } from "vitest";
import { waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { type Bands, ownDatabase, walletWorld } from "./wallet-world.ts";

/** What a plan says beyond one price for one sum, each by a case worked by hand; May 2024 is billed on June 1. */

const june = "2024-06-01";

const url = ownDatabase();
const { world, wallets, sell } = walletWorld(() => ({ DATABASE_URL: url() }));

const linesOf = async (id: string): Promise<string[]> => {
  await waitForRelay(url());
  await waitForVoids(url());
  return world().lines(id, june);
};

const calls = { aggregation: "COUNT", unit: "call" };
test("a meter with two prices: a call costs their sum, and the bill has a line for each", async () => {
  const tokens: Bands = [
    [0, 0.01],
    [100, 0.005],
  ];
  const perCall: Bands = [
    [0, 0.1],
    [2, 0],
  ];
  const prices = [{ bands: tokens }, { bands: perCall, counts: calls }];
  const { id, uidOf, use, balance } = await sell(prices, { funds: "1.60" });
  // 80 × 0.01 + 0.10
  expect(await use("first", 80)).toMatchObject({ decision: "allow", amount: "0.9" });
  // 20 × 0.01 + 20 × 0.005 + 0.10
  expect(await use("second", 40, { mode: "hold" })).toMatchObject({ holds: "0.4" });
  await wallets().act(uidOf("second"), "settle", { sequence: 1, measure: { amount: 30 } });
  // 20 × 0.01 + 10 × 0.005 + 0.10 were settled: 1.60 − 0.90 − 0.35
  expect(await balance()).toBe("0.35");
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
  expect(await balance()).toBe("0.3");
});

describe("a fixed price of the first band, of which all usage was given back", () => {
  const reason = "it was wrong";
  const undoings = {
    void: (uid: string) => wallets().post(`measurements/${uid}/void`, { reason }),
    refund: (uid: string) => wallets().post("refunds", { uid: `${uid}-back`, of: uid }),
  };

  /** 6 dollars, of which a call of one unit took 5.00 + 1 × 1.00 and gave them back. */
  const undone = async (by: keyof typeof undoings) => {
    const payer = await sell([{ bands: [[0, 1, 5]] }], { funds: "6" });
    expect(await payer.use("first", 1)).toMatchObject({ amount: "6" });
    await undoings[by](payer.uidOf("first"));
    expect(await payer.balance()).toBe("6");
    return payer;
  };

  test.each(["void", "refund"] as const)("by a %s, is due again with the next", async (by) => {
    const { code, id, use, balance } = await undone(by);
    // 5.00 + 6 × 1.00
    expect(await use("second", 6)).toMatchObject({
      decision: "deny",
      reasons: [{ code: "INSUFFICIENT_FUNDS", shortfall: "5" }],
    });
    expect(await use("third", 1)).toMatchObject({ amount: "6" });
    await wallets().grant(code, "10");
    expect(await use("fourth", 6)).toMatchObject({ amount: "6" });
    // 5.00 + 7 × 1.00, as the calls have cost.
    expect(await world().lines(id, june)).toEqual(["USAGE 12", "BALANCE_CONSUMED -12", "TOTAL 0"]);
    expect(await balance()).toBe("4");
  });

  const isUncharged = async ({ id, balance }: Awaited<ReturnType<typeof sell>>) => {
    expect(await linesOf(id)).toEqual(["TOTAL 0"]);
    expect(await balance()).toBe("100");
  };

  test.each(["void", "refund"] as const)("by a %s, is not billed", async (by) => {
    const payer = await sell([{ bands: [[0, 1, 5]] }]);
    await payer.use("first", 1);
    await undoings[by](payer.uidOf("first"));
    await isUncharged(payer);
  });

  test("by refunds of parts, is not billed either", async () => {
    const payer = await sell([{ bands: [[0, 1, 5]] }]);
    const { uidOf, use } = payer;
    await use("first", 3);
    const refund = (name: string, more: object) =>
      wallets().post("refunds", { uid: uidOf(name), of: uidOf("first"), ...more });
    await refund("half", { amount: "4" });
    // Of what stands 5.00 + 1.5 × 1.00 are billed, and the close takes what the refund gave of the fixed price.
    expect(await linesOf(payer.id)).toContain("USAGE 6.5");
    expect(await payer.balance()).toBe("93.5");
    await refund("rest", {});
    await isUncharged(payer);
  });

  test("by a refund of a hold in parts, is not billed either", async () => {
    const payer = await sell([{ bands: [[0, 1, 5]] }]);
    const { uidOf, use } = payer;
    await use("held", 3, { mode: "hold" });
    for (const sequence of [1, 2]) {
      const part = { sequence, measure: { amount: 1 }, final: sequence === 2 };
      await wallets().act(uidOf("held"), "settle", part);
    }
    await undoings.refund(uidOf("held"));
    await isUncharged(payer);
  });

  test("of a segment, by a refund of a call at its own price, is not billed either", async () => {
    const counts = { segmentedFields: ["region"], segments: [{ region: "UK" }] };
    const pricing = { segment: { region: "UK" } };
    const payer = await sell([{ bands: [[0, 1, 5]], counts, pricing }]);
    const what = { region: "UK", tier: "Standard" };
    await payer.use("first", 1, { amount: "6", asset: "USD", what });
    await undoings.refund(payer.uidOf("first"));
    await isUncharged(payer);
  });
});

test("usage credits come off before the wallet: what it paid for them is given back", async () => {
  const { id, use, balance } = await sell([
    { bands: [[0, 1]] },
    { bands: [[0, 1.5]], counts: calls, pricing: { type: "PRODUCT_CREDIT" } },
  ]);
  await use("first", 6);
  await use("second", 4);
  expect(await balance()).toBe("90");
  // 10 used, two calls credited with 1.50 each: 7 are due, and the wallet had paid 10.
  const bill = ["USAGE 10", "USAGE_CREDIT -3", "BALANCE_CONSUMED -7", "TOTAL 0"];
  expect(await world().lines(id, june)).toEqual(bill);
  expect(await balance()).toBe("93");
  expect(await world().lines(id, june)).toEqual(bill);
  expect(await balance()).toBe("93");
});

test("a credit that covers everything leaves the wallet whole", async () => {
  const goodwill = { bands: [[0, 50]], counts: calls, pricing: { type: "GLOBAL_CREDIT" } } as const;
  const prices = [{ bands: [[0, 0.333]] }, goodwill] as const;
  const terms = { funds: "10", template: { minimumSpend: 2 } };
  const { id, use, balance } = await sell(prices, terms);
  expect(await use("1", 1)).toMatchObject({ amount: "0.333" });
  const lines = await world().lines(id, june);
  expect(lines.at(-1)).toBe("TOTAL 0");
  expect(lines.filter((line) => line.startsWith("BALANCE"))).toEqual([]);
  expect(await balance()).toBe("10");
});

test("atoms below a cent are the wallet's: the bill rounds both sides of a line alike", async () => {
  const { code, id, meter, use, balance } = await sell([{ bands: [[0, 0.001]] }], {
    funds: "0.012",
  });
  // 7 × 0.001 of the wallet, which the bill prints as one cent on both sides.
  expect(await use("first", 7)).toMatchObject({ amount: "0.007" });
  expect(await world().lines(id, june)).toEqual([
    "USAGE 0.01",
    "BALANCE_CONSUMED -0.01",
    "TOTAL 0",
  ]);
  expect(await balance()).toBe("0.005");
  // 0.017 were used, of which the wallet has 0.012: 0.02 is printed, 0.01 paid, a cent is due.
  await world().use(meter.code, code, [["2024-05-20", 10]]);
  expect(await world().lines(id, june)).toEqual([
    "USAGE 0.02",
    "BALANCE_CONSUMED -0.01",
    "TOTAL 0.01",
  ]);
  expect(await balance()).toBe("0");
});

test("children that are billed with their parent are priced by its plan, at one position", async () => {
  const bands: Bands = [
    [0, 0.1],
    [100, 0.05],
  ];
  const attachment = { childBillingMode: "PARENT_SUMMARY" };
  const parent = await sell([{ bands }], { funds: "10", attachment });
  const bear = async (): Promise<string> => {
    const code = world().fresh("child");
    await wallets().client.create("accounts", {
      name: code,
      code,
      emailAddress: "child@example.com",
      parentAccountId: parent.id,
    });
    await wallets().grant(code, "10");
    return code;
  };
  const [first, second] = [await bear(), await bear()];
  const use = (account: string, name: string, amount: number, more = {}) =>
    parent.use(name, amount, { uid: `${account}-${name}`, account, ...more });
  expect(await use(first, "1", 80)).toMatchObject({ amount: "8" });
  // A hold that ends by itself gives its place back: 30 are held, 20 × 0.10 and 10 × 0.05.
  const hold = { mode: "hold", ttlSeconds: 1 };
  expect(await use(second, "held", 30, hold)).toMatchObject({ holds: "2.5" });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  // 20 × 0.10 + 20 × 0.05, as the children together have used 80 already.
  expect(await use(second, "1", 40)).toMatchObject({ amount: "3" });
  expect(await use(parent.code, "1", 10)).toMatchObject({ amount: "0.5" });
  // Sixteen at once, at two children: whatever the order, 0.05 each and no place is lost.
  await Promise.all(
    Array.from({ length: 16 }, (_, nth) => use(nth % 2 === 0 ? first : second, `at-${nth}`, 1)),
  );
  // 146 in all: 10.00 and 46 × 0.05.
  expect(await world().lines(parent.id, june)).toEqual([
    "USAGE 12.3",
    "BALANCE_CONSUMED -12.3",
    "TOTAL 0",
  ]);
  // 10 − 8 − 0.40, 10 − 3 − 0.40 and 10 − 0.50: the close has moved nothing.
  const balances = [first, second, parent.code].map(async (code) => {
    const { id = "" } = (await wallets().client.list(`accounts?codes=${code}`)).data[0] ?? {};
    const { body } = await wallets().client.call("GET", `accounts/${id}/wallet`);
    return body;
  });
  expect(await Promise.all(balances)).toMatchObject([
    { accounts: [{ balance: "1.6" }] },
    { accounts: [{ balance: "6.6" }] },
    { accounts: [{ balance: "9.5" }] },
  ]);
});

test("what was used is rounded where it is finer than quantities are, what is asked for is refused", async () => {
  const { id, uidOf, use, balance } = await sell([{ bands: [[0, 1]] }], { funds: "10" });
  const begin = (mode: string) => use(mode, 1, { mode });
  const fine = { measure: { amount: 0.1 + 0.2 } };
  await begin("hold");
  const settled = await wallets().act(uidOf("hold"), "settle", { sequence: 1, ...fine });
  expect(settled).toMatchObject({ amount: "0.3" });
  await begin("session");
  const update = (used: object, request: object) =>
    wallets().client.call("POST", `authorizations/${uidOf("session")}/update`, {
      sequence: 1,
      used,
      request,
    });
  expect(await update({ measure: { amount: 0 } }, fine)).toMatchObject({
    status: 400,
    body: { errors: [{ field: "request.measure.amount" }] },
  });
  expect(await update(fine, { measure: { amount: 0 } })).toMatchObject({ status: 200 });
  expect(await balance()).toBe("9.4");
  expect(await world().lines(id, june)).toEqual(["USAGE 0.6", "BALANCE_CONSUMED -0.6", "TOTAL 0"]);
});
