import { describe, expect, test } from "vitest";
import { z } from "zod";
import { waitForRelay } from "./ledger-inspection.ts";
import { type Bands, ownDatabase, walletWorld } from "./wallet-world.ts";

/** Prices of segments, such as one for each model, each by a case worked by hand; May 2024 is billed on June 1. */

const june = "2024-06-01";

const url = ownDatabase();
const { world, wallets, sell } = walletWorld(() => ({ DATABASE_URL: url() }));

const british: Bands = [
  [0, 0.01],
  [100, 0.005],
];
const others: Bands = [[0, 0.02]];

const segments = [{ region: "UK" }, { region: "*" }];
const counts = { segmentedFields: ["region"], segments };
const byRegion = [
  {
    bands: british,
    counts,
    pricing: { segment: { region: "UK" } },
    also: [{ bands: others, pricing: { segment: { region: "*" } } }],
  },
];

const from = (region: string) => ({ what: { region, tier: "Standard" } });

const linesOf = async (id: string): Promise<string[]> => {
  await waitForRelay(url());
  return (await world().lines(id, june)).toSorted();
};

test("a call costs what its segment does, at the position of its segment", async () => {
  const { id, use, balance } = await sell(byRegion, { funds: "2.20" });
  // 80 × 0.01
  expect(await use("first", 80, from("UK"))).toMatchObject({ decision: "allow", amount: "0.8" });
  // 40 × 0.02: the position of the other segment is not moved by them.
  expect(await use("second", 40, from("US"))).toMatchObject({ amount: "0.8" });
  // 20 × 0.01 + 20 × 0.005
  expect(await use("third", 40, from("UK"))).toMatchObject({ amount: "0.3" });
  // 0.30 are left, 16 × 0.02 are asked for.
  const asked = await use("asked", 16, { mode: "check", ...from("FR") });
  const denied = await use("fourth", 16, from("FR"));
  const refusal = {
    decision: "deny",
    reasons: [{ code: "INSUFFICIENT_FUNDS", shortfall: "0.02" }],
  };
  expect(asked).toMatchObject(refusal);
  expect(denied).toMatchObject(refusal);
  expect(await use("fifth", 15, from("FR"))).toMatchObject({ amount: "0.3" });
  expect(await linesOf(id)).toEqual([
    "BALANCE_CONSUMED -1.1",
    "BALANCE_CONSUMED -1.1",
    "TOTAL 0",
    "USAGE * 1.1",
    "USAGE UK 1.1",
  ]);
  expect(await balance()).toBe("0");
});

test("a part of a hold is metered with the texts of its hold that it does not name, and so in its segment", async () => {
  const { id, uidOf, use, balance } = await sell(byRegion, { funds: "10" });
  expect(await use("held", 100, { mode: "hold", ...from("UK") })).toMatchObject({ holds: "1" });
  await wallets().act(uidOf("held"), "settle", {
    sequence: 1,
    measure: { amount: 50 },
    final: false,
  });
  const rest = { sequence: 2, measure: { amount: 10 }, what: { tier: "Premium" } };
  await wallets().act(uidOf("held"), "settle", rest);
  expect(await balance()).toBe("9.4");
  // 60 × 0.01: in no other segment, where they would cost 1.20.
  expect(await linesOf(id)).toEqual(["BALANCE_CONSUMED -0.6", "TOTAL 0", "USAGE UK 0.6"]);
  expect(await balance()).toBe("9.4");
});

test("a part that says nothing uses nothing, also where the texts of its hold are what is counted", async () => {
  const calls = {
    bands: [[0, 1]] as const,
    counts: { aggregation: "COUNT", targetField: "region" },
  };
  const { id, uidOf, use, balance } = await sell([calls], { funds: "10" });
  const nothing = { amount: "0", quantity: "0" };
  await use("held", 1, { mode: "hold", ...from("UK") });
  expect(await wallets().act(uidOf("held"), "settle", { sequence: 1 })).toMatchObject(nothing);
  await use("session", 1, { mode: "session", ...from("UK") });
  const update = { sequence: 1, used: {}, request: { measure: { amount: 3 } } };
  expect(await wallets().act(uidOf("session"), "update", update)).toMatchObject(nothing);
  const last = { sequence: 2, measure: { amount: 3 } };
  expect(await wallets().act(uidOf("session"), "settle", last)).toMatchObject({ amount: "1" });
  expect(await linesOf(id)).toEqual(["BALANCE_CONSUMED -1", "TOTAL 0", "USAGE 1"]);
  expect(await balance()).toBe("9");
});

describe("where no price is of the segment that usage is in", () => {
  const onlyBritish = [
    {
      bands: british,
      counts: { segmentedFields: ["region"], segments: [{ region: "UK" }] },
      pricing: { segment: { region: "UK" } },
    },
  ];

  test("a call has no price unless it names one", async () => {
    const { use } = await sell(onlyBritish, { funds: "10" });
    const why = "no plan of the account prices the segment that the usage is in";
    expect(await use("first", 1, from("US"))).toMatchObject({
      decision: "deny",
      reasons: [{ code: "CANNOT_RATE", why }],
    });
    const bounded = { maxAmount: "0.5", assets: ["USD"], ...from("US") };
    expect(await use("second", 1, bounded)).toMatchObject({ decision: "allow", amount: "0.5" });
    expect(await use("third", 1, from("UK"))).toMatchObject({ amount: "0.01" });
  });

  test("what has no price of its own costs what the prices of all usage say", async () => {
    const { use } = await sell([...onlyBritish, { bands: [[0, 0.1]] }], { funds: "10" });
    expect(await use("first", 1, from("US"))).toMatchObject({ amount: "0.1" });
    expect(await use("second", 1, from("UK"))).toMatchObject({ amount: "0.11" });
  });
});

test("usage from before the wallet counts in its own segment", async () => {
  const { code, id, meter, use, balance } = await sell(byRegion, { funds: undefined });
  await world().use(meter.code, code, [
    ["2024-05-02", 90, "UK"],
    ["2024-05-03", 500, "US"],
  ]);
  await wallets().grant(code, "20");
  // 10 × 0.01 + 10 × 0.005
  expect(await use("first", 20, from("UK"))).toMatchObject({ amount: "0.15" });
  await linesOf(id);
  // 1.05 of British, 10.00 of American usage.
  expect(await balance()).toBe("8.95");
});

test("usage that is amended to another segment is charged there", async () => {
  const { id, uidOf, use, balance, meter, code } = await sell(byRegion, { funds: "10" });
  await use("first", 120, from("UK"));
  expect(await balance()).toBe("8.9");
  const ts = "2024-05-15T12:00:00Z";
  const own = { account: code, meter: meter.code, ts };
  const measurement = { ...own, measure: { amount: 20 }, ...from("US") };
  await wallets().post(`measurements/${uidOf("first")}/amend`, {
    reason: "it was wrong",
    measurement,
  });
  // 20 × 0.02, and the first hundred British ones are there again.
  expect(await balance()).toBe("9.6");
  expect(await use("second", 10, from("UK"))).toMatchObject({ amount: "0.1" });
  const bill = ["BALANCE_CONSUMED -0.1", "BALANCE_CONSUMED -0.4", "TOTAL 0"];
  expect(await linesOf(id)).toEqual([...bill, "USAGE * 0.4", "USAGE UK 0.1"]);
  expect(await balance()).toBe("9.5");
});

test("a refund of a part takes usage back where it counts", async () => {
  const { id, uidOf, use, balance } = await sell(byRegion, { funds: "10" });
  await use("first", 100, from("UK"));
  await wallets().post("refunds", { uid: uidOf("back"), of: uidOf("first"), amount: "0.5" });
  // The first hundred are not used up: 50 × 0.01 + 10 × 0.005.
  expect(await use("second", 60, from("UK"))).toMatchObject({ amount: "0.55" });
  expect(await linesOf(id)).toEqual(["BALANCE_CONSUMED -1.05", "TOTAL 0", "USAGE UK 1.05"]);
  expect(await balance()).toBe("8.95");
});

test("texts that were kept of a call are metered where its meter has them by then", async () => {
  const { id, meter, uidOf, use, balance } = await sell(byRegion, { funds: "10" });
  await use("charged", 10, from("UK"));
  await use("held", 10, { mode: "hold", ...from("UK") });
  const itself = { mode: "hold", onExpiry: "settle", ttlSeconds: 2 };
  await use("settles", 5, { ...itself, ...from("UK") });
  await waitForRelay(url());
  const { dataFields, ...sold } = await world().get(`meters/${meter.id}`);
  const moved = z
    .array(z.looseObject({ code: z.string() }))
    .parse(dataFields)
    .map((field) => (field.code === "region" ? { ...field, category: "WHERE" } : field));
  await wallets().client.put(`meters/${meter.id}`, { ...sold, dataFields: moved });

  const part = { sequence: 1, measure: { amount: 3 } };
  expect(await wallets().act(uidOf("held"), "settle", part)).toMatchObject({ amount: "0.03" });
  await wallets().post("refunds", { uid: uidOf("back"), of: uidOf("charged"), amount: "0.04" });
  const ended = async () => (await world().get(`authorizations/${uidOf("settles")}`))["state"];
  await expect.poll(ended, { timeout: 10_000 }).toBe("SETTLED");
  // 6 of the charge, 3 of the hold and 5 of the one that settled by itself.
  expect(await balance()).toBe("9.86");
  expect(await linesOf(id)).toEqual(["BALANCE_CONSUMED -0.14", "TOTAL 0", "USAGE UK 0.14"]);
  expect(await balance()).toBe("9.86");
});

test("what a budget counts by its unit it counts once, whatever segments there are", async () => {
  const { code, use } = await sell(byRegion, { funds: "10" });
  const limit = { unit: "unit", window: "lifetime", limit: "100", mode: "hard" };
  await wallets().client.create("budgets", { code, scope: { account: code }, ...limit });
  expect(await use("first", 60, from("UK"))).toMatchObject({ decision: "allow" });
  expect(await use("second", 40, from("US"))).toMatchObject({ decision: "allow" });
  expect(await use("third", 1, from("US"))).toMatchObject({
    decision: "deny",
    reasons: [{ code: "BUDGET_EXCEEDED", used: "100", requested: "1" }],
  });
});
