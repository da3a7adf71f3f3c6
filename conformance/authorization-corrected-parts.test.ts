import { describe, expect, test } from "vitest";
import { brokenInvariants, waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { type Bands, ownDatabase, walletWorld } from "./wallet-world.ts";

/** Parts of a hold whose measurement is voided or amended: each takes back its own money and its own quantity. */

const url = ownDatabase();
const { world, wallets, sell } = walletWorld(() => ({ DATABASE_URL: url() }));
const june = "2024-06-01";
const what = { region: "UK", tier: "Standard" };

/** An account with 100 dollars and a plan of the bands. */
const open = async (bands: Bands, { callPrice }: { readonly callPrice?: Bands } = {}) => {
  const calls = { aggregation: "COUNT", unit: "call" };
  const payer = await sell([
    { bands },
    ...(callPrice === undefined ? [] : [{ bands: callPrice, counts: calls }]),
  ]);
  const { id, uidOf, use } = payer;
  const settle = (name: string, sequence: number, more: object) =>
    wallets().act(uidOf(name), "settle", { sequence, ...more });
  return {
    ...payer,
    settle,
    /** A hold with its parts. */
    hold: async (name: string, ...parts: readonly [number, ...number[]]) => {
      await use(name, parts[0], { mode: "hold" });
      for (const [nth, amount] of parts.entries()) {
        const final = nth === parts.length - 1;
        await settle(name, nth + 1, { measure: { amount }, final });
      }
    },
    correct: async (name: string, verb: "void" | "amend", more: object = {}) => {
      // A measurement that is under way is waited for.
      await wallets().post(`measurements/${encodeURIComponent(uidOf(name))}/${verb}`, {
        reason: "it was wrong",
        ...more,
      });
    },
    refund: (of: string, amount?: string) =>
      wallets().post("refunds", {
        uid: world().fresh("back"),
        of: uidOf(of),
        ...(amount === undefined ? {} : { amount }),
      }),
    lines: async () => {
      await waitForRelay(url());
      await waitForVoids(url());
      return world().lines(id, june);
    },
    isSound: async () => expect(await brokenInvariants(url(), world().server.orgId)).toEqual([]),
  };
};

const limit = async (account: string, unit: string, most: string): Promise<void> => {
  const code = world().fresh("budget");
  const counts = { unit, window: "lifetime", limit: most };
  await wallets().client.create("budgets", { code, scope: { account }, ...counts });
};

test("a dear part that is voided leaves what the others used in budgets and on the bill", async () => {
  const { code, hold, use, correct, balance, lines, isSound } = await open([
    [0, 1],
    [10, 0.01],
  ]);
  await limit(code, "unit", "1000");
  // 10 × 1.00, then 990 × 0.01.
  await hold("h", 10, 990);
  expect(await balance()).toBe("80.1");
  await correct("h#part#1", "void");
  expect(await balance()).toBe("90.1");
  // 990 of 1000 are used.
  const denied = { decision: "deny", reasons: [{ code: "BUDGET_EXCEEDED", used: "990" }] };
  expect(await use("more", 500)).toMatchObject(denied);
  expect(await use("last", 10)).toMatchObject({ decision: "allow", amount: "0.1" });
  // 10 × 1.00 + 990 × 0.01.
  expect(await lines()).toEqual(["USAGE 19.9", "BALANCE_CONSUMED -19.9", "TOTAL 0"]);
  await isSound();
});

test("a free part that is voided is not undone once more by a refund of the hold", async () => {
  const { hold, use, correct, refund, lines, isSound } = await open([
    [0, 0],
    [1000, 0.01],
  ]);
  // 1000 × 0, then 100 × 0.01.
  await hold("h", 1000, 100);
  await use("other", 500);
  await correct("h#part#1", "void");
  expect(await refund("h")).toMatchObject({ amount: "1" });
  expect(await lines()).toEqual(["USAGE 0", "TOTAL 0"]);
  // 500 are used, so that 500 more are free.
  expect(await use("free", 500)).toMatchObject({ amount: "0" });
  expect(await use("paid", 100)).toMatchObject({ amount: "1" });
  expect(await lines()).toEqual(["USAGE 1", "BALANCE_CONSUMED -1", "TOTAL 0"]);
  await isSound();
});

test("a free part that is voided makes room for the next free units", async () => {
  const { hold, use, correct, lines } = await open([
    [0, 0],
    [10, 20],
  ]);
  // 10 × 0, then 1 × 20.00.
  await hold("h", 10, 1);
  await correct("h#part#1", "void");
  expect(await use("free", 9)).toMatchObject({ decision: "allow", amount: "0" });
  expect(await use("paid", 1)).toMatchObject({ decision: "allow", amount: "20" });
  expect(await lines()).toEqual(["USAGE 20", "BALANCE_CONSUMED -20", "TOTAL 0"]);
});

test("parts at a price of their own: a void and a refund of the hold leave nothing", async () => {
  const { code, meter, settle, use, correct, refund, balance, lines, isSound } = await open([
    [0, 1],
  ]);
  await use("h", 10, { mode: "hold", amount: "10", asset: "USD" });
  await settle("h", 1, { amount: "8", measure: { amount: 1 }, final: false });
  await settle("h", 2, { amount: "2", measure: { amount: 9 }, final: true });
  await correct("h#part#1", "void");
  expect(await refund("h")).toMatchObject({ amount: "2" });
  expect(await balance()).toBe("100");
  await world().use(meter.code, code, [["2024-05-20", 3]]);
  expect(await lines()).toEqual(["USAGE 3", "BALANCE_CONSUMED -3", "TOTAL 0"]);
  await isSound();
});

test("an amended part gives back what it used of everything that is priced", async () => {
  const { hold, use, correct, balance, lines, isSound } = await open([[0, 1]], {
    callPrice: [
      [0, 0],
      [3, 5],
    ],
  });
  // 20 × 1.00, then 1 × 1.00: two calls, of which three are free.
  await hold("h", 20, 1);
  await correct("h#part#1", "amend", { measurement: { measure: { amount: 2 }, what } });
  expect(await balance()).toBe("97");
  // The third call is free, and the fourth is not.
  expect(await use("third", 1)).toMatchObject({ amount: "1" });
  expect(await use("fourth", 1)).toMatchObject({ amount: "6" });
  expect((await lines()).filter((line) => line.startsWith("USAGE"))).toEqual([
    "USAGE 5",
    "USAGE 5",
  ]);
  expect(await balance()).toBe("90");
  await isSound();
});

describe("of a hold that was refunded", () => {
  test.each([
    { refunded: "7", part: 1 },
    { refunded: "7", part: 2 },
    { refunded: "4", part: 1 },
    { refunded: "6", part: 2 },
  ])("by $refunded of 7, part $part is voided: no other comes back", async ({ refunded, part }) => {
    const { hold, refund, correct, balance, lines, isSound } = await open([[0, 1]]);
    await hold("h", 3, 4);
    await refund("h", refunded);
    await correct(`h#part#${part}`, "void");
    expect(await balance()).toBe("100");
    expect(await lines()).toEqual(["TOTAL 0"]);
    expect(await balance()).toBe("100");
    await isSound();
  });

  test("in part, another of its parts stands for as much as is left", async () => {
    const { hold, refund, correct, balance, lines, isSound } = await open([[0, 1]]);
    await hold("h", 3, 4);
    await refund("h", "2");
    await correct("h#part#1", "void");
    expect(await balance()).toBe("98");
    expect(await lines()).toEqual(["USAGE 2", "BALANCE_CONSUMED -2", "TOTAL 0"]);
    await correct("h#part#2", "void");
    expect(await lines()).toEqual(["TOTAL 0"]);
    expect(await balance()).toBe("100");
    await isSound();
  });

  test("to the end, parts that are amended stand alone, whatever becomes of the others", async () => {
    const { hold, refund, correct, balance, lines, isSound } = await open([[0, 1]]);
    await hold("h", 3, 4);
    await refund("h");
    await correct("h#part#1", "amend", { measurement: { measure: { amount: 2 }, what } });
    expect(await balance()).toBe("98");
    expect(await lines()).toEqual(["USAGE 2", "BALANCE_CONSUMED -2", "TOTAL 0"]);
    await correct("h#part#2", "void");
    expect(await lines()).toEqual(["USAGE 2", "BALANCE_CONSUMED -2", "TOTAL 0"]);
    expect(await balance()).toBe("98");
    await isSound();
  });

  test("by half, its cheap part is voided: nothing is used of the dear one", async () => {
    const { hold, refund, correct, balance, lines } = await open([
      [0, 1],
      [10, 0.01],
    ]);
    // 10 × 1.00, then 990 × 0.01: half of the money, and of the units.
    await hold("h", 10, 990);
    await refund("h", "9.95");
    await correct("h#part#2", "void");
    expect(await balance()).toBe("99.95");
    // No unit is left that the close could charge for.
    expect(await lines()).toEqual(["TOTAL 0"]);
    expect(await balance()).toBe("100");
  });

  test("by whole calls, a part that was amended before stays as it is", async () => {
    const { hold, refund, correct, balance, lines, isSound } = await open([[0, 1]], {
      callPrice: [[0, 5]],
    });
    await hold("h", 3, 4);
    await correct("h#part#1", "amend", { measurement: { measure: { amount: 2 }, what } });
    // 4 × 1.00 and a call: 2 × 1.00 and a call stand.
    expect(await refund("h")).toMatchObject({ amount: "9" });
    expect(await balance()).toBe("93");
    expect((await lines()).filter((line) => line.startsWith("USAGE")).toSorted()).toEqual([
      "USAGE 2",
      "USAGE 5",
    ]);
    expect(await balance()).toBe("93");
    await isSound();
  });

  test("by half, a part of another mixture is voided: what refunds took of it is not taken twice", async () => {
    const productId = await world().product();
    const code = world().fresh("mixed");
    const numbers = ["amount", "bytes"];
    const fields = numbers.map((name) => ({ category: "MEASURE", code: name, name, unit: name }));
    const body = { productId, name: code, code, dataFields: fields, derivedFields: [] };
    const meterId = await world().create("meters", body);
    const plan = await world().plan(productId);
    for (const targetField of numbers) {
      const aggregationId = await world().aggregation(meterId, { targetField, unit: targetField });
      await world().price({ planId: plan.id, aggregationId }, [[0, 1]]);
    }
    const account = world().fresh("mixer");
    const id = await wallets().account(account);
    await world().attach(id, plan.id);
    await wallets().grant(account, "100");
    const uid = `${account}-h`;
    const use = { account, meter: code, ts: "2024-05-15T12:00:00Z" };
    await wallets().authorize({ uid: `${account}-kept`, ...use, measure: { amount: 1 } });
    await wallets().authorize({ uid, mode: "hold", ...use, measure: { amount: 6, bytes: 6 } });
    const settle = (sequence: number, measure: object, final: boolean) =>
      wallets().act(uid, "settle", { sequence, measure, final });
    await settle(1, { amount: 6 }, false);
    await settle(2, { bytes: 6 }, true);
    // 3 of each.
    await wallets().post("refunds", { uid: `${uid}-back`, of: uid, amount: "6" });
    const lines = async (part: string) => {
      const path = `measurements/${encodeURIComponent(`${uid}#part#${part}`)}/void`;
      await wallets().post(path, { reason: "it was wrong" });
      await waitForRelay(url());
      await waitForVoids(url());
      return (await world().lines(id, june)).toSorted();
    };
    // Of the bytes 3 stand.
    expect((await lines("1")).filter((line) => line.startsWith("USAGE"))).toEqual([
      "USAGE 1",
      "USAGE 3",
    ]);
    expect((await wallets().wallet(account)).balance).toBe("96");
    expect(await lines("2")).toEqual(["BALANCE_CONSUMED -1", "TOTAL 0", "USAGE 0", "USAGE 1"]);
    expect((await wallets().wallet(account)).balance).toBe("99");
    expect(await brokenInvariants(url(), world().server.orgId)).toEqual([]);
  });
});

describe("a refund by the name that the server gave", () => {
  const amendedPart = async (amount: number) => {
    const opened = await open([[0, 1]]);
    await opened.use("kept", 1);
    await opened.hold("h", 3, 4);
    await opened.correct("h#part#1", "amend", { measurement: { measure: { amount }, what } });
    return opened;
  };

  test("gives an amended part back, beside the others", async () => {
    const { refund, balance, lines, isSound } = await amendedPart(2);
    expect(await refund("h")).toMatchObject({ amount: "4" });
    expect(await balance()).toBe("97");
    expect(await refund("h#part#1", "0.5")).toMatchObject({ amount: "0.5" });
    expect(await lines()).toEqual(["USAGE 2.5", "BALANCE_CONSUMED -2.5", "TOTAL 0"]);
    expect(await refund("h#part#1")).toMatchObject({ amount: "1.5" });
    expect(await lines()).toEqual(["USAGE 1", "BALANCE_CONSUMED -1", "TOTAL 0"]);
    expect(await balance()).toBe("99");
    await isSound();
  });

  test("gives one back whose own name is too long for metering", async () => {
    const { uidOf, use, settle, correct, refund, balance } = await open([[0, 1]]);
    const name = "h".repeat(49 - uidOf("").length);
    await use(name, 7, { mode: "hold" });
    await settle(name, 10, { measure: { amount: 7 }, final: true });
    await correct(`${name}#part#10`, "amend", { measurement: { measure: { amount: 2 }, what } });
    expect(await balance()).toBe("98");
    expect(await refund(`${name}#part#10`)).toMatchObject({ amount: "2" });
    expect(await balance()).toBe("100");
  });

  test("gives plain usage back, of whatever name", async () => {
    const { code, meter, uidOf, refund, balance, lines } = await open([[0, 1]]);
    const ts = "2024-05-15T12:00:00Z";
    const used = { account: code, meter: meter.code, ts, measure: { amount: 5 }, what };
    const uids = ["order#1", "order#2"].map(uidOf);
    const measurements = uids.map((uid) => ({ uid, ...used }));
    await wallets().post("measurements", { measurements });
    expect(await refund("order#1")).toMatchObject({ amount: "5" });
    expect(await lines()).toEqual(["USAGE 5", "BALANCE_CONSUMED -5", "TOTAL 0"]);
    expect(await balance()).toBe("95");
  });

  test("is refused of a part that stands with its hold, and of what is no measurement", async () => {
    const { uidOf } = await amendedPart(2);
    const refused = (of: string) =>
      wallets().client.call("POST", "refunds", { uid: world().fresh("back"), of: uidOf(of) });
    expect(await refused("h#part#2")).toMatchObject({ status: 404 });
    expect(await refused("h#part#1#amended#1")).toMatchObject({
      status: 400,
      body: { errors: [{ field: "of" }] },
    });
  });
});
