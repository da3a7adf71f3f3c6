import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { inspect, waitForRelay, waitForVoids, whileLocked } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Which measurements calls leave in the usage store, where several requests share a uid. */

const url = ownDatabase();
const { world, wallets, restart, sell } = walletWorld(() => ({ DATABASE_URL: url() }));

const earlier = "2024-05-14T12:00:00Z";
const ts = "2024-05-15T12:00:00Z";
const usageRows = z.object({
  data: z.array(z.looseObject({ uid: z.string(), amount: z.coerce.number(), region: z.string() })),
});

const hundred = "100";

/** An account with 100 dollars, unless it is to be granted them later, and a meter that nothing prices, or a price of 1.00. */
const open = async ({ isPriced = false, isPaying = true, counts = {} } = {}) => {
  const prices = isPriced ? ([{ bands: [[0, 1]], counts }] as const) : [];
  const payer = await sell(prices, { funds: isPaying ? hundred : undefined });
  const { id, code: account, meter, uidOf, balance } = payer;
  const body = (name: string, units: number, more: object = {}) => ({
    uid: uidOf(name),
    account,
    meter: meter.code,
    mode: "charge",
    ...(isPriced ? {} : { amount: String(units), asset: "USD" }),
    measure: { amount: units },
    what: { region: "UK", tier: "Standard" },
    ts,
    ...more,
  });
  const plain = (name: string, units: number) => {
    const { uid, measure, what } = body(name, units);
    return { uid, account, meter: meter.code, measure, what };
  };
  const usage = async () => {
    await waitForRelay(url());
    await waitForVoids(url());
    const query = {
      startDate: "2024-05-01T00:00:00Z",
      endDate: "2024-06-01T00:00:00Z",
      accountIds: [id],
    };
    return usageRows.parse(await wallets().post("usage/query", query)).data;
  };
  return {
    account,
    body,
    grant: () => wallets().grant(account, hundred),
    submit: (name: string, units: number, more: object = { ts: earlier }) =>
      wallets().post("measurements", { measurements: [{ ...plain(name, units), ts, ...more }] }),
    correct: (name: string, verb: "void" | "amend", more: object = {}) =>
      wallets().post(`measurements/${encodeURIComponent(uidOf(name))}/${verb}`, {
        reason: "it was wrong",
        ...more,
      }),
    /** As after a crash between the usage store and the ledger. */
    deliverAgain: async (name: string, units: number) => {
      await waitForRelay(url());
      await inspect(url(), (pool) =>
        pool.query("INSERT INTO usage_outbox (org_id, measurements, count) VALUES ($1, $2, 1)", [
          world().server.orgId,
          JSON.stringify([{ ...plain(name, units), ts: new Date(ts).toISOString() }]),
        ]),
      );
    },
    charge: (name: string, units: number) => wallets().authorize(body(name, units)),
    refund: (name: string, of: string) =>
      wallets().post("refunds", { uid: uidOf(name), of: uidOf(of) }),
    batch: (...authorizations: object[]) =>
      wallets().post("authorizations/batch", { authorizations }),
    /** Waits until nothing is held any more. */
    ended: async (uid: string): Promise<void> => {
      for (let tries = 0; tries < 50; tries += 1) {
        if ((await world().get(`authorizations/${uid}`))["state"] !== "HELD") return;
        await delay(100);
      }
      throw new Error(`${uid} did not end`);
    },
    balance,
    /** The uids of measurements by their units. */
    uids: async (): Promise<Map<number, string>> => {
      const data = await usage();
      return new Map(data.map(({ amount, uid }) => [amount, uid]));
    },
    /** The units and the region of each measurement. */
    measured: async (): Promise<string[]> => {
      const data = await usage();
      return data.map(({ amount, region }) => `${amount} ${region}`).toSorted();
    },
  };
};

const small = { what: { region: "small", tier: "" } };
const large = { what: { region: "large", tier: "" } };

describe("one uid in several requests meters what was charged", () => {
  test.each([
    ["a check", { mode: "check" }],
    ["a dry run", { dryRun: true }],
  ])("after %s in the same batch", async (_name, first) => {
    const { body, batch, measured } = await open();
    await batch(body("u", 50, { ...small, ...first }), body("u", 7, large));
    expect(await measured()).toEqual(["7 large"]);
  });

  test.each([
    ["a check", { mode: "check" }],
    ["another content", {}],
  ])("before %s in the same batch", async (_name, second) => {
    const { body, batch, measured } = await open();
    await batch(body("u", 7, large), body("u", 50, { ...small, ...second }));
    expect(await measured()).toEqual(["7 large"]);
  });

  test("beside checks that are sent at once", async () => {
    const { body, measured } = await open();
    const checks = Array.from({ length: 20 }, () => body("u", 50, { ...small, mode: "check" }));
    await Promise.all(
      [...checks, body("u", 7, large)].map((one) => wallets().post("authorizations", one)),
    );
    expect(await measured()).toEqual(["7 large"]);
  });
});

describe("what a refund takes back is metered whatever its uid is", () => {
  test("that of the charge", async () => {
    const { charge, refund, measured } = await open({ isPriced: true });
    await charge("x", 5);
    await refund("x", "x");
    expect(await measured()).toEqual(["-5 ", "5 UK"]);
  });

  test("that of a later charge", async () => {
    const { charge, refund, measured } = await open({ isPriced: true });
    await charge("x", 3);
    await refund("y", "x");
    await charge("y", 7);
    expect(await measured()).toEqual(["-3 ", "3 UK", "7 UK"]);
  });
});

describe("a measurement that was never charged has the uid of", () => {
  test("a charge: both are metered, and once each", async () => {
    const { charge, deliverAgain, grant, measured, submit } = await open({ isPaying: false });
    await submit("x", 1);
    await grant();
    await charge("x", 8);
    expect(await measured()).toEqual(["1 UK", "8 UK"]);
    await deliverAgain("x", 8);
    expect(await measured()).toEqual(["1 UK", "8 UK"]);
  });

  const sameTime = {};

  test.each([
    ["another number", 1, sameTime, ["1 UK", "8 UK"]],
    ["another text", 8, { what: { region: "DE", tier: "Standard" } }, ["8 DE", "8 UK"]],
    ["a field more", 8, { who: { user: "u" } }, ["8 UK", "8 UK"]],
    ["another end", 8, { ets: "2024-05-15T13:00:00Z" }, ["8 UK", "8 UK"]],
    ["nothing else: it is the same usage", 8, sameTime, ["8 UK"]],
  ])("a charge of its account, meter and time, with %s", async (_name, units, more, both) => {
    const { charge, deliverAgain, grant, measured, submit } = await open({ isPaying: false });
    await submit("x", units, more);
    await grant();
    await charge("x", 8);
    expect(await measured()).toEqual(both);
    await deliverAgain("x", 8);
    expect(await measured()).toEqual(both);
  });

  test.each([
    ["void", {}, ["8 UK"]],
    ["amend", { measurement: { measure: { amount: 3 }, what: small.what } }, ["3 small", "8 UK"]],
  ] as const)("a charge, of its content, until a correction: %s", async (verb, more, left) => {
    const { charge, correct, deliverAgain, grant, measured, submit } = await open({
      isPaying: false,
    });
    await submit("x", 8, sameTime);
    await correct("x", verb, more);
    await grant();
    await charge("x", 8);
    await deliverAgain("x", 8);
    expect(await measured()).toEqual(left);
  });

  test("a part of a hold: both are metered", async () => {
    const { body, grant, measured, submit } = await open({ isPaying: false });
    await submit("h#1", 1);
    await grant();
    await wallets().authorize(body("h", 8, { mode: "hold" }));
    const { uid, ...part } = body("h", 8);
    const { measure, what, amount } = { amount: undefined, ...part };
    await wallets().act(uid, "settle", { sequence: 1, measure, what, amount, final: true });
    expect(await measured()).toEqual(["1 UK", "8 UK"]);
  });
});

test("a measurement that was charged is named as if it were a part of a hold: each is corrected by its own uid", async () => {
  const { balance, body, correct, measured, submit } = await open({ isPriced: true });
  await submit("h#1", 1);
  const { uid, measure, what } = body("h", 8);
  await wallets().authorize(body("h", 8, { mode: "hold" }));
  await wallets().act(uid, "settle", { sequence: 1, measure, what, final: true });
  expect(await measured()).toEqual(["1 UK", "8 UK"]);
  expect(await balance()).toBe("91");
  await correct("h#1", "void");
  expect(await measured()).toEqual(["8 UK"]);
  expect(await balance()).toBe("92");
  await correct("h#part#1", "void");
  expect(await measured()).toEqual([]);
  expect(await balance()).toBe("100");
});

describe("what settles by itself is metered as it was asked for", () => {
  const ending = { onExpiry: "settle", ttlSeconds: 1 };
  const used = (units: number, region: string) => ({
    measure: { amount: units },
    what: { region, tier: "Standard" },
  });

  test.each([
    ["a hold at its own price", "hold", false],
    ["a hold at the plan's price", "hold", true],
    ["a session", "session", true],
  ])("%s", async (_name, mode, isPriced) => {
    const { body, ended, measured } = await open({ isPriced });
    const { uid } = await wallets().authorize(body("h", 7, { mode, ...ending }));
    await ended(uid);
    expect(await measured()).toEqual(["7 UK"]);
  });

  test.each([
    ["at the plan's price", true, "4 UK"],
    ["but not how much that is where nothing counts it", false, "0 UK"],
  ])("what a hold's parts have left of it, %s", async (_name, isPriced, rest) => {
    const { body, ended, measured } = await open({ isPriced });
    const { uid } = await wallets().authorize(body("h", 7, { mode: "hold", ...ending }));
    const amount = isPriced ? {} : { amount: "3" };
    const part = { sequence: 1, ...used(3, "DE"), ...amount, final: false };
    await wallets().act(uid, "settle", part);
    await ended(uid);
    expect(await measured()).toEqual([rest, "3 DE"].toSorted());
  });

  test("what a session's last report has asked for", async () => {
    const { body, ended, measured } = await open({ isPriced: true });
    const { uid } = await wallets().authorize(body("s", 7, { mode: "session", ...ending }));
    const request = { measure: { amount: 5 } };
    await wallets().act(uid, "update", { sequence: 1, used: used(7, "DE"), request });
    await ended(uid);
    expect(await measured()).toEqual(["5 UK", "7 DE"]);
  });

  test("a cost, and what nothing counts", async () => {
    const field = (category: string, code: string) => ({
      category,
      code,
      name: code,
      unit: "unit",
    });
    const meter = await wallets().client.create("meters", {
      code: "dear",
      name: "dear",
      dataFields: [field("COST", "spent"), field("MEASURE", "seconds")],
      derivedFields: [],
    });
    await world().aggregation(meter.id, { targetField: "spent" });
    const { body, ended } = await open();
    const said = { meter: "dear", measure: { seconds: 9 }, cost: { spent: 7 }, what: {} };
    const { uid } = await wallets().authorize(body("h", 7, { mode: "hold", ...ending, ...said }));
    await ended(uid);
    const charged = await wallets().authorize(body("c", 8, { ...said, cost: { spent: 8 } }));
    await wallets().post("refunds", { uid: `${charged.uid}-back`, of: charged.uid });
    await waitForRelay(url());
    const { data } = z.object({ data: z.array(z.looseObject({})) }).parse(
      await wallets().post("usage/query", {
        startDate: "2024-05-01T00:00:00Z",
        endDate: "2024-06-01T00:00:00Z",
        meterIds: [meter.id],
      }),
    );
    const rows = data.map(({ spent, seconds }) => `${String(spent)} in ${String(seconds)}`);
    expect(rows.toSorted()).toEqual(["-8 in 0", "7 in 9", "8 in 9"]);
  });
});

describe("a charge whose uid another measurement has is taken back, and the other stays", () => {
  /** Someone's 1, then a charge of 8 at 1.00 a unit, or a call. */
  const openTaken = async (counts: object) => {
    const opened = await open({ isPriced: true, isPaying: false, counts });
    await opened.submit("x", 1);
    await opened.grant();
    await opened.charge("x", 8);
    expect(await opened.measured()).toEqual(["1 UK", "8 UK"]);
    return opened;
  };
  const counted = { aggregation: "COUNT" };

  test("by a refund", async () => {
    const { balance, measured, refund } = await openTaken(counted);
    expect(await balance()).toBe("99");
    await refund("y", "x");
    expect(await measured()).toEqual(["1 UK"]);
    expect(await balance()).toBe("100");
  });

  test("by a refund that comes before it is metered", async () => {
    const { body, grant, measured, refund, submit } = await open({
      isPriced: true,
      isPaying: false,
      counts: counted,
    });
    await submit("x", 1);
    await grant();
    await wallets().authorize(body("x", 8));
    await refund("y", "x");
    expect(await measured()).toEqual(["1 UK"]);
  });

  test("by a refund after a crash before it was written down what it is stored as", async () => {
    const { charge, grant, measured, refund, submit } = await open({
      isPriced: true,
      isPaying: false,
      counts: counted,
    });
    await submit("x", 1);
    await grant();
    await whileLocked(url(), "LOCK TABLE usage_name IN SHARE MODE", async (waiting) => {
      await charge("x", 8);
      await waiting("INSERT INTO usage_name");
      await world().server.kill();
    });
    await restart();
    expect(await measured()).toEqual(["1 UK", "8 UK"]);
    await refund("y", "x");
    expect(await measured()).toEqual(["1 UK"]);
  });

  test("by a refund, where the uid that follows is another's as well", async () => {
    const { account, charge, grant, measured, refund, submit } = await open({
      isPriced: true,
      isPaying: false,
      counts: counted,
    });
    await submit("x", 1);
    const next = createHash("sha256").update(`${account}-x`).digest("base64url");
    await submit("x", 2, { uid: next });
    await grant();
    await charge("x", 8);
    expect(await measured()).toEqual(["1 UK", "2 UK", "8 UK"]);
    await refund("y", "x");
    expect(await measured()).toEqual(["1 UK", "2 UK"]);
  });

  test.each(["its own uid", "the uid that it was stored under"])(
    "by a void of %s",
    async (which) => {
      const { account, balance, measured, uids } = await openTaken({});
      expect(await balance()).toBe("92");
      const uid = which === "its own uid" ? `${account}-x` : (await uids()).get(8);
      await wallets().post(`measurements/${uid}/void`, { reason: "it was wrong" });
      expect(await measured()).toEqual(["1 UK"]);
      expect(await balance()).toBe("100");
    },
  );

  test.each(["its own uid", "the uid that it was stored under"])(
    "by an amendment of %s, and the next",
    async (which) => {
      const { account, balance, measured, uids } = await openTaken({});
      const uid = which === "its own uid" ? `${account}-x` : (await uids()).get(8);
      const amend = (amount: number) =>
        wallets().post(`measurements/${uid}/amend`, {
          reason: "it was wrong",
          measurement: { measure: { amount }, what: { region: "UK", tier: "Standard" } },
        });
      expect(await amend(5)).toEqual({ uid, result: "amended" });
      expect(await measured()).toEqual(["1 UK", "5 UK"]);
      expect(await balance()).toBe("95");
      await amend(3);
      expect(await measured()).toEqual(["1 UK", "3 UK"]);
      expect(await balance()).toBe("97");
    },
  );
});

test("what is delivered again is metered once", async () => {
  const { charge, deliverAgain, measured } = await open();
  await charge("x", 8);
  await deliverAgain("x", 8);
  expect(await measured()).toEqual(["8 UK"]);
});
