import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Measurements that were charged, voided or amended after something else had become of them. A unit costs 1.00. */

const url = ownDatabase();
const { world, wallets, sell } = walletWorld(() => ({ DATABASE_URL: url() }));
const may = { startDate: "2024-05-01T00:00:00Z", endDate: "2024-06-01T00:00:00Z" };
const usageRows = z.object({ data: z.array(z.object({ uid: z.string(), amount: z.number() })) });
const june = "2024-06-01";
const what = { region: "UK", tier: "Standard" };

beforeAll(async () => {
  await wallets().asset("EUR", 6);
  const since = { effectiveAt: "2020-01-01T00:00:00Z" };
  await wallets().client.create("assetrates", { from: "EUR", to: "USD", rate: "2", ...since });
});

/** An account with 100 dollars, or what else is granted. */
const open = async (granted: object = {}) => {
  const { id, code, meter, uidOf, use, balance } = await sell([{ bands: [[0, 1]] }], { granted });
  const correct = (uid: string, verb: string, body: object = {}) =>
    wallets().post(`measurements/${encodeURIComponent(uid)}/${verb}`, {
      reason: "it was wrong",
      ...body,
    });
  return {
    code,
    meter: meter.code,
    uidOf,
    balance,
    use: (name: string, amount: number, more: object = {}) => use(name, amount, { what, ...more }),
    ended: async (name: string) => {
      for (let tries = 0; tries < 100; tries += 1) {
        const { body } = await wallets().client.call("GET", `authorizations/${uidOf(name)}`);
        if (!JSON.stringify(body).includes('"HELD"')) return;
        await delay(50);
      }
      throw new Error("the hold did not end");
    },
    settle: (name: string, sequence: number, amount: number, final: boolean) =>
      wallets().act(uidOf(name), "settle", { sequence, measure: { amount }, final }),
    refund: (name: string, of: string, amount?: string) =>
      wallets().post("refunds", { uid: uidOf(name), of: uidOf(of), ...(amount ? { amount } : {}) }),
    voidIt: (name: string, uid = uidOf(name)) => correct(uid, "void"),
    amend: (name: string, amount: number, uid = uidOf(name)) =>
      correct(uid, "amend", { measurement: { measure: { amount }, what } }),
    /** The uid of what has so many units. */
    stored: async (units: number): Promise<string> => {
      await waitForRelay(url());
      const { data } = usageRows.parse(
        await wallets().post("usage/query", { ...may, accountIds: [id] }),
      );
      return data.find(({ amount }) => amount === units)?.uid ?? "";
    },
    /** Before the period is closed, and by the bill that closes it. */
    left: async () => {
      await waitForRelay(url());
      await waitForVoids(url());
      const before = await balance();
      const [usage] = await world().lines(id, june);
      return { before, usage, balance: await balance() };
    },
  };
};

const leaves = (used: number) => {
  const balance = String(100 - used);
  return { before: balance, usage: `USAGE ${used}`, balance };
};

describe("usage that was refunded and then corrected is taken back once", () => {
  test.each([
    { refunds: [undefined], amendment: undefined, used: 10 },
    { refunds: ["4"], amendment: undefined, used: 10 },
    { refunds: ["4", "3"], amendment: undefined, used: 10 },
    { refunds: [undefined], amendment: 8, used: 18 },
    { refunds: ["4"], amendment: 8, used: 18 },
  ])("refunds of $refunds, then $amendment instead: $used of usage", async (given) => {
    const { use, refund, voidIt, amend, left } = await open();
    await use("a", 10);
    await use("b", 10);
    for (const [nth, amount] of given.refunds.entries()) await refund(`r-${nth}`, "b", amount);
    await (given.amendment === undefined ? voidIt("b") : amend("b", given.amendment));
    await (given.amendment === undefined ? voidIt("b") : amend("b", given.amendment));
    expect(await left()).toEqual(leaves(given.used));
  });

  test("again after each amendment", async () => {
    const { use, refund, voidIt, amend, left } = await open();
    await use("a", 10);
    await use("b", 10);
    await refund("r-1", "b", "4");
    await amend("b", 8);
    await refund("r-2", "b", "3");
    expect(await left()).toEqual(leaves(15));
    await amend("b", 6);
    expect(await left()).toEqual(leaves(16));
    await refund("r-3", "b");
    await voidIt("b");
    expect(await left()).toEqual(leaves(10));
    await amend("b", 2);
    expect(await left()).toEqual(leaves(12));
  });

  test("of a hold, with its last part", async () => {
    const { use, settle, refund, voidIt, left } = await open();
    await use("a", 10);
    await use("b", 10, { mode: "hold" });
    await settle("b", 1, 6, false);
    await settle("b", 2, 4, true);
    await refund("r", "b", "2");
    await voidIt("b#part#1");
    // 10 and the second part, of which 2 were refunded.
    expect(await left()).toEqual(leaves(12));
    await voidIt("b#part#2");
    expect(await left()).toEqual(leaves(10));
  });
});

describe("what a hold has settled at its end", () => {
  const ending = { mode: "hold", onExpiry: "settle", ttlSeconds: 1 };

  test("is given back where its measurement is voided, and not refunded again", async () => {
    const { use, ended, refund, voidIt, left } = await open();
    await use("a", 10);
    await use("h", 7, ending);
    await ended("h");
    expect(await left()).toEqual(leaves(17));
    await voidIt("h#part#expiry");
    await expect(refund("r", "h")).rejects.toThrow("REFUND_EXCEEDS_SETTLED");
    await voidIt("h#part#expiry");
    expect(await left()).toEqual(leaves(10));
  });

  test("is charged as what it is amended to, and its parts as they were", async () => {
    const { use, settle, ended, voidIt, amend, left } = await open();
    await use("h", 7, ending);
    await settle("h", 1, 3, false);
    await ended("h");
    await amend("h#part#expiry", 2);
    await amend("h#part#expiry", 2);
    expect(await left()).toEqual(leaves(5));
    await voidIt("h#part#1");
    expect(await left()).toEqual(leaves(2));
  });
});

describe.each(["its own name", "the uid that it is stored under"])(
  "a part whose name is too long for the usage store is corrected by %s",
  (by) => {
    test.each([
      { sequence: 1, amendment: undefined, used: 4 },
      { sequence: 2, amendment: 2, used: 5 },
    ])("part $sequence becomes $amendment", async ({ sequence, amendment, used }) => {
      const { uidOf, use, settle, stored, voidIt, amend, left } = await open();
      const long = "h".repeat(49 - uidOf("").length);
      await use(long, 7, { mode: "hold" });
      await settle(long, 1, 3, false);
      await settle(long, 2, 4, true);
      const own = uidOf(`${long}#part#${sequence}`);
      const name = by === "its own name" ? own : await stored(2 + sequence);
      const correct = () =>
        amendment === undefined ? voidIt("", name) : amend("", amendment, name);
      await correct();
      await correct();
      expect(await left()).toEqual(leaves(used));
    });
  },
);

describe("usage of an account that has no wallet", () => {
  const ofNobody = async (name: string, paying: { meter: string }) => {
    const account = world().fresh("poor");
    await wallets().account(account);
    const ts = "2024-05-15T12:00:00Z";
    const { meter } = paying;
    const measurement = { uid: name, account, meter, ts, measure: { amount: 2 }, what };
    await wallets().post("measurements", { measurements: [measurement] });
  };
  const moved = (uid: string, account: string, amount: number) =>
    wallets().post(`measurements/${uid}/amend`, {
      reason: "it was wrong",
      measurement: { account, measure: { amount }, what },
    });

  test("is charged once to the one that it is amended onto, and from then on like any", async () => {
    const { code, uidOf, use, left, amend, refund, voidIt, ...rich } = await open();
    await use("b", 10);
    await ofNobody(uidOf("a"), rich);
    await moved(uidOf("a"), code, 3);
    await moved(uidOf("a"), code, 3);
    expect(await left()).toEqual(leaves(13));
    await amend("a", 5);
    expect(await left()).toEqual(leaves(15));
    await refund("r", "a", "2");
    await voidIt("a");
    expect(await left()).toEqual(leaves(10));
    await moved(uidOf("a"), code, 1);
    expect(await left()).toEqual(leaves(11));
  });

  describe("has the uid of a part whose name is too long for the usage store", () => {
    const takenPart = async () => {
      const opened = await open();
      const { uidOf } = opened;
      const long = "h".repeat(49 - uidOf("").length);
      const taken = createHash("sha256")
        .update(uidOf(`${long}#part#1`))
        .digest("base64url");
      await ofNobody(taken, opened);
      return { ...opened, long, taken };
    };

    test("which is corrected by its own name", async () => {
      const { uidOf, use, settle, voidIt, left, long } = await takenPart();
      await use(long, 7, { mode: "hold" });
      await settle(long, 1, 3, false);
      await settle(long, 2, 4, true);
      await voidIt("", uidOf(`${long}#part#1`));
      expect(await left()).toEqual(leaves(4));
    });

    test("and a call has it, too, before the part is settled", async () => {
      const { use, settle, voidIt, left, long, taken } = await takenPart();
      await use("call", 1, { uid: taken });
      await waitForRelay(url());
      await use(long, 7, { mode: "hold" });
      await settle(long, 1, 3, false);
      await settle(long, 2, 4, true);
      expect(await left()).toEqual(leaves(8));
      await voidIt("", taken);
      expect(await left()).toEqual(leaves(7));
    });
  });

  test("is charged to nobody where it stays with such", async () => {
    const { uidOf, use, left, ...rich } = await open();
    await use("b", 10);
    await ofNobody(uidOf("a"), rich);
    const other = world().fresh("poor");
    await wallets().account(other);
    await moved(uidOf("a"), other, 3);
    expect(await left()).toEqual(leaves(10));
  });
});

describe("an amended call is charged as the call was", () => {
  const count = async (counts: object): Promise<() => Promise<unknown>> => {
    const code = world().fresh("budget");
    const limits = { limit: "50", window: "day", ...counts };
    const { id } = await wallets().client.create("budgets", { code, ...limits });
    return async () => (await world().get(`budgets/${id}`))["used"];
  };

  test("in the budgets of its agent, however often", async () => {
    const { uidOf, use, amend, voidIt, left } = await open();
    const agent = uidOf("agent");
    const money = await count({ scope: { agent }, asset: "USD" });
    const units = await count({ scope: { agent }, unit: "unit" });
    const used = async () => [await money(), await units()];
    await use("a", 10, { agent });
    expect(await used()).toEqual(["10", "10"]);
    await amend("a", 4);
    expect(await used()).toEqual(["4", "4"]);
    await amend("a", 6);
    expect(await used()).toEqual(["6", "6"]);
    expect(await left()).toEqual(leaves(6));
    await voidIt("a");
    expect(await used()).toEqual(["0", "0"]);
  });

  test("out of money that is for its feature", async () => {
    const { use, amend, left } = await open({ appliesTo: { features: ["search"] } });
    await use("a", 10, { feature: "search" });
    await amend("a", 4);
    expect(await left()).toEqual(leaves(4));
  });

  test("by the asset that has paid", async () => {
    const euros = await open({ asset: "EUR" });
    await euros.use("a", 10, { assets: ["EUR", "USD"] });
    expect((await wallets().wallet(euros.code, "EUR")).balance).toBe("95");
    await euros.amend("a", 4);
    expect((await wallets().wallet(euros.code, "EUR")).balance).toBe("98");
  });
});

describe("an amendment of what is not counted moves no money", () => {
  const expiring = async () => {
    const opened = await open();
    const expiresAt = new Date(Date.now() + 1_200).toISOString();
    const promotion = { purpose: "promotional", priority: 1, expiresAt };
    await wallets().grant(opened.code, "6", promotion);
    await opened.use("a", 8);
    expect(await opened.balance()).toBe("98");
    await delay(1_500);
    const amend = (measurement: object) =>
      wallets().post(`measurements/${opened.uidOf("a")}/amend`, {
        reason: "it was wrong",
        measurement: { measure: { amount: 8 }, what, ...measurement },
      });
    return { ...opened, amend };
  };
  const stays = { before: "98", usage: "USAGE 8", balance: "98" };

  test("also once what has paid is expired, nor does the next", async () => {
    const { amend, left } = await expiring();
    await amend({ metadata: { note: "a typo" } });
    await amend({ what: { region: "US", tier: "Standard" } });
    expect(await left()).toEqual(stays);
  });

  test("but what was voided before is charged again", async () => {
    const { amend, voidIt, left } = await expiring();
    await voidIt("a");
    await amend({});
    expect(await left()).toEqual({ before: "92", usage: "USAGE 8", balance: "92" });
  });

  test("of a part of a hold neither", async () => {
    const { uidOf, use, settle, amend, left } = await expiring();
    await use("h", 5, { mode: "hold" });
    await settle("h", 1, 2, false);
    await settle("h", 2, 3, true);
    const path = `measurements/${encodeURIComponent(uidOf("h#part#1"))}/amend`;
    const measurement = { measure: { amount: 2 }, what, metadata: { note: "a typo" } };
    await wallets().post(path, { reason: "it was wrong", measurement });
    await amend({});
    expect(await left()).toEqual({ before: "93", usage: "USAGE 13", balance: "93" });
  });
});

test("what nobody paid is corrected so, also with the name of a lease's report or of a charge's end", async () => {
  const { code, meter, uidOf, use, voidIt, left } = await open();
  await use("c", 3);
  await wallets().post("leases", {
    id: uidOf("l"),
    account: code,
    asset: "USD",
    amount: "10",
    ttlSeconds: 60,
  });
  await wallets().post(`leases/${uidOf("l")}/report`, {
    sequence: 1,
    spends: [
      {
        uid: uidOf("spent"),
        meter,
        amount: "4",
        ts: "2024-05-15T12:00:00Z",
        measure: { amount: 4 },
        what,
      },
    ],
    final: true,
  });
  const poor = world().fresh("poor");
  await wallets().account(poor);
  const names = ["l#part#1", "c#part#expiry"];
  const plain = { account: poor, meter, ts: "2024-05-15T12:00:00Z", measure: { amount: 2 }, what };
  const measurements = names.map((name) => ({ uid: uidOf(name), ...plain }));
  await wallets().post("measurements", { measurements });
  for (const name of names) await voidIt(name);
  expect(await left()).toEqual(leaves(7));
});
