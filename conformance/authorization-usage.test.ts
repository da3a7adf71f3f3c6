import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { describe, expect, test } from "vitest";
import { waitForRelay } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Usage that reaches metering by other ways than an authorization, and what a wallet has to do with it. */

const databaseUrl = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: databaseUrl() }));
const state = { meter: "" };
const june = "2024-06-01";

/** An account with 100 dollars whose first ten units cost 1.00 each, those above 0.50. */
const open = async (): Promise<{ code: string; id: string }> => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId);
  const aggregationId = await world().aggregation(meter.id);
  await world().price({ planId: plan.id, aggregationId }, [
    [0, 1],
    [10, 0.5],
  ]);
  const code = world().fresh("user");
  const id = await wallets().account(code);
  await world().attach(id, plan.id);
  await wallets().grant(code, "100");
  state.meter = meter.code;
  return { code, id };
};

const balance = async (code: string): Promise<string> => (await wallets().wallet(code)).balance;

const measurement = (account: string, uid: string, amount: number) => ({
  uid,
  account,
  meter: state.meter,
  ts: "2024-05-15T12:00:00Z",
  measure: { amount },
  what: { region: "UK", tier: "Standard" },
});

const submit = (...measurements: readonly object[]): Promise<unknown> =>
  wallets().post("measurements", { measurements });

const correct = async (uid: string, verb: "void" | "amend", body: object = {}): Promise<void> => {
  await wallets().post(`measurements/${encodeURIComponent(uid)}/${verb}`, {
    reason: "it was wrong",
    ...body,
  });
};

const amend = (uid: string, amount: number): Promise<void> =>
  correct(uid, "amend", {
    measurement: { measure: { amount }, what: { region: "UK", tier: "Standard" } },
  });

describe("calls that cost nothing", () => {
  /** A meter of two numbers, of which the plan prices `out`, at 1.00. */
  const openTwo = async () => {
    const productId = await world().product();
    const code = world().fresh("tokens");
    const number = (name: string) => ({ category: "MEASURE", code: name, name, unit: "token" });
    const meterId = await world().create("meters", {
      productId,
      name: code,
      code,
      dataFields: [number("in"), number("out")],
      derivedFields: [],
    });
    const plan = await world().plan(productId);
    const price = async (unitPrice: number, counts: Readonly<Record<string, string>>) => {
      const aggregationId = await world().aggregation(meterId, counts);
      await world().price({ planId: plan.id, aggregationId }, [[0, unitPrice]]);
    };
    await price(1, { targetField: "out" });
    const account = world().fresh("user");
    const id = await wallets().account(account);
    await world().attach(id, plan.id);
    await wallets().grant(account, "100");
    const call = (uid: string, measure: Readonly<Record<string, number>>) => ({
      uid: `${account}-${uid}`,
      account,
      meter: code,
      ts: "2024-05-15T12:00:00Z",
      measure,
    });
    return { id, price, call };
  };

  test("are metered, so that their uid is taken and a price that comes later bills them", async () => {
    const { id, price, call } = await openTwo();
    const free = call("free", { in: 7, out: 0 });
    expect(await wallets().authorize(free)).toMatchObject({ decision: "allow", amount: "0" });
    expect(await submit(free)).toMatchObject({ failures: [{ type: "DuplicateUid" }] });
    await price(0.5, { targetField: "in" });
    await waitForRelay(databaseUrl());
    expect(await world().lines(id, june)).toContain("USAGE 3.5");
  });

  test("are metered as parts of a hold; an end that says of nothing is not", async () => {
    const { id, price, call } = await openTwo();
    const hold = call("held", { in: 1, out: 1 });
    await wallets().authorize({ ...hold, mode: "hold" });
    const settle = (sequence: number, more: object) =>
      wallets().act(hold.uid, "settle", { sequence, ...more });
    await settle(1, { measure: { in: 6, out: 0 }, final: false });
    await settle(2, { amount: "0", final: true });
    await price(0.5, { targetField: "in", aggregation: "COUNT" });
    await waitForRelay(databaseUrl());
    expect(await world().lines(id, june)).toContain("USAGE 0.5");
  });

  test.each([{}, { measure: {} }, { cost: {}, what: { region: "UK" } }])(
    "are ends of a hold that say no number, such as %j, also where each part counts as one",
    async (nothing) => {
      const { price, call } = await openTwo();
      await price(0.5, { targetField: "in", aggregation: "COUNT" });
      const hold = call(world().fresh("ended"), { in: 1, out: 1 });
      await wallets().authorize({ ...hold, mode: "hold" });
      expect(await wallets().act(hold.uid, "settle", { sequence: 1, ...nothing })).toMatchObject({
        amount: "0",
      });
    },
  );
});

describe("measurements under the uid of an authorization", () => {
  const authorize = (code: string, uid: string, more: object) =>
    wallets().authorize({ ...measurement(code, uid, 120), ...more });

  /** Sent twice: charged and metered once. */
  const submitTwice = async (code: string, uid: string) => {
    expect(await submit(measurement(code, uid, 20))).not.toHaveProperty("failures");
    expect(await submit(measurement(code, uid, 20))).toMatchObject({
      failures: [{ type: "DuplicateUid" }],
    });
  };

  test("that was denied are charged and metered all the same, once; the call stays denied", async () => {
    const { code, id } = await open();
    const tooMuch = { amount: "101", asset: "USD" };
    expect(await authorize(code, "denied", tooMuch)).toMatchObject({ decision: "deny" });
    await submitTwice(code, "denied");
    // 10 × 1.00 + 10 × 0.50
    expect(await balance(code)).toBe("85");
    expect(await authorize(code, "denied", tooMuch)).toMatchObject({ decision: "deny" });
    expect(await world().lines(id, june)).toEqual(["USAGE 15", "BALANCE_CONSUMED -15", "TOTAL 0"]);
    await amend("denied", 4);
    expect(await balance(code)).toBe("96");
    await correct("denied", "void");
    expect(await balance(code)).toBe("100");
  });

  test("that was denied are refunded by their uid", async () => {
    const { code, id } = await open();
    await authorize(code, "refused", { amount: "101", asset: "USD" });
    await submitTwice(code, "refused");
    const refund = { uid: "of-refused", of: "refused" };
    expect(await wallets().post("refunds", refund)).toMatchObject({ of: "refused", amount: "15" });
    expect(await balance(code)).toBe("100");
    await waitForRelay(databaseUrl());
    expect(await world().lines(id, june)).toEqual(["USAGE 0", "TOTAL 0"]);
  });

  test("of whose parts they have the names are refused", async () => {
    const { code } = await open();
    const use = { measure: { amount: 5 } };
    await authorize(code, "parted", { mode: "hold", ...use });
    await wallets().act("parted", "settle", { sequence: 1, ...use, final: true });
    for (const name of ["parted#part#1", "parted#part#expiry"]) {
      const measurements = [measurement(code, `${code}-fine`, 1), measurement(code, name, 20)];
      const answer = await wallets().client.call("POST", "measurements", { measurements });
      const errors = [{ field: "measurements[1].uid", message: "must not contain #part#" }];
      expect(answer).toMatchObject({ status: 400, body: { errors } });
    }
    expect(await balance(code)).toBe("95");
    expect(await submit(measurement(code, "parted#1", 1))).not.toHaveProperty("failures");
    expect(await balance(code)).toBe("94");
  });

  test("that was voided or expired are, unless a part of it was metered", async () => {
    const { code, id } = await open();
    await authorize(code, "voided", { mode: "hold", measure: { amount: 1 } });
    await wallets().act("voided", "void");
    await authorize(code, "expired", { mode: "hold", measure: { amount: 1 }, ttlSeconds: 1 });
    await authorize(code, "used", { mode: "hold", measure: { amount: 5 } });
    await wallets().act("used", "settle", { sequence: 1, measure: { amount: 2 }, final: false });
    await wallets().act("used", "void");
    await delay(1_100);
    await submitTwice(code, "voided");
    await submitTwice(code, "expired");
    expect(await submit(measurement(code, "used", 20))).toMatchObject({
      failures: [{ type: "DuplicateUid" }],
    });
    // 42 units: 10 × 1.00 + 32 × 0.50
    expect(await balance(code)).toBe("74");
    expect(await world().lines(id, june)).toEqual(["USAGE 26", "BALANCE_CONSUMED -26", "TOTAL 0"]);
  });
});

describe.each(["a\u0000b", "a\ud800"])("what is no text, such as %j, fails and is named", (bad) => {
  test.each<[string, object]>([
    ["uid", { uid: bad }],
    ["what.region", { what: { region: bad, tier: "Standard" } }],
    [`metadata.${bad}`, { metadata: { [bad]: "x" } }],
    [`cost.${bad}`, { cost: { [bad]: 1 } }],
  ])("as %s; nothing of the request is charged", async (field, wrong) => {
    const { code } = await open();
    const fine = (nth: number) => measurement(code, `${code}-${nth}`, 1);
    const measurements = [fine(0), { ...fine(1), ...wrong }];
    const answer = await wallets().client.call("POST", "measurements", { measurements });
    const errors = [{ field: `measurements[1].${field}` }];
    expect(answer).toMatchObject({ status: 400, body: { errors } });
    expect(await balance(code)).toBe("100");
  });

  test("as account", async () => {
    const { code } = await open();
    const measurements = [measurement(code, "sound", 1), measurement(bad, "half", 1)];
    const answer = await wallets().client.call("POST", "measurements", { measurements });
    const errors = [{ field: "measurements[1].account" }];
    expect(answer).toMatchObject({ status: 400, body: { errors } });
    expect(await balance(code)).toBe("100");
  });
});

describe("uploaded files", () => {
  const target = z.object({
    jobId: z.string(),
    url: z.url(),
    headers: z.record(z.string(), z.string()),
  });
  const progress = z.looseObject({ status: z.string(), failedRows: z.number() });

  const upload = async (rows: readonly object[]): Promise<z.output<typeof progress>> => {
    const text = JSON.stringify(rows);
    const body = {
      fileName: "u.json",
      contentType: "application/json",
      contentLength: text.length,
    };
    const { jobId, url, headers } = target.parse(
      await wallets().post("fileuploads/measurements/generateUploadUrl", body),
    );
    expect((await fetch(url, { method: "PUT", headers, body: text })).status).toBe(200);
    for (let tries = 0; tries < 400; tries += 1) {
      const path = `fileuploads/measurements/jobs/${jobId}`;
      const found = progress.parse((await wallets().client.call("GET", path)).body);
      if (found.status === "succeeded" || found.status === "failed") return found;
      await delay(25);
    }
    throw new Error("the upload did not finish");
  };

  test("charge wallets like measurements that are submitted, once, and meter everybody's", async () => {
    const { code, id } = await open();
    const other = await world().account();
    const rows = [
      measurement(code, "file-1", 8),
      measurement(other.code, "file-2", 3),
      measurement(code, "file-3", 4),
    ];
    expect(await upload(rows)).toMatchObject({ status: "succeeded", failedRows: 0 });
    // 10 × 1.00 + 2 × 0.50
    expect(await balance(code)).toBe("89");
    expect(await upload(rows)).toMatchObject({ status: "succeeded", failedRows: 3 });
    expect(await balance(code)).toBe("89");
    expect(await world().lines(id, june)).toEqual(["USAGE 11", "BALANCE_CONSUMED -11", "TOTAL 0"]);
  });

  test("a row that cannot be charged is named, the others are", async () => {
    const { code } = await open();
    const rows = [measurement(code, "file-\u0000", 1), measurement(code, "file-5", 1)];
    expect(await upload(rows)).toMatchObject({ status: "succeeded", failedRows: 1 });
    expect(await balance(code)).toBe("99");
  });

  test("a number finer than the ledger counts is charged as what it rounds to", async () => {
    const { code, id } = await open();
    const rows = [measurement(code, "fine-1", 0.1 + 0.2), measurement(code, "fine-2", 1)];
    expect(await upload(rows)).toMatchObject({ status: "succeeded", failedRows: 0 });
    expect(await submit(measurement(code, "fine-3", 1e-15))).not.toHaveProperty("failures");
    expect(await balance(code)).toBe("98.7");
    expect(await world().lines(id, june)).toContain("USAGE 1.3");
  });
});

describe("corrected measurements", () => {
  test("a voided one gives back what it was charged, once; the bill says the same", async () => {
    const { code, id } = await open();
    await submit(measurement(code, "void-1", 6), measurement(code, "void-2", 3));
    expect(await balance(code)).toBe("91");
    await correct("void-1", "void");
    await correct("void-1", "void");
    expect(await balance(code)).toBe("97");
    expect(await world().lines(id, june)).toEqual(["USAGE 3", "BALANCE_CONSUMED -3", "TOTAL 0"]);
    expect(await balance(code)).toBe("97");
  });

  test("an amended one is charged as what it is now, at the position without it", async () => {
    const { code, id } = await open();
    await submit(measurement(code, "amend-1", 8), measurement(code, "amend-2", 4));
    // 10 × 1.00 + 2 × 0.50
    expect(await balance(code)).toBe("89");
    await amend("amend-1", 2);
    await amend("amend-1", 2);
    expect(await world().lines(id, june)).toEqual(["USAGE 6", "BALANCE_CONSUMED -6", "TOTAL 0"]);
    expect(await balance(code)).toBe("94");
    await amend("amend-1", 5);
    await correct("amend-1", "void");
    await amend("amend-1", 5);
    expect(await world().lines(id, june)).toEqual(["USAGE 9", "BALANCE_CONSUMED -9", "TOTAL 0"]);
    expect(await balance(code)).toBe("91");
  });

  test("an authorized charge and a part of a hold are corrected like any measurement", async () => {
    const { code } = await open();
    const use = (uid: string, amount: number, mode: string) =>
      wallets().authorize({ ...measurement(code, uid, amount), mode });
    await use("charge-1", 2, "charge");
    await correct("charge-1", "void");
    expect(await balance(code)).toBe("100");
    await use("hold-1", 5, "hold");
    await wallets().act("hold-1", "settle", { sequence: 1, measure: { amount: 3 }, final: true });
    expect(await balance(code)).toBe("97");
    await amend("hold-1#part#1", 1);
    expect(await wallets().wallet(code)).toMatchObject({ balance: "99", held: "0" });
  });

  test("a client's own names are no corrections", async () => {
    const { code } = await open();
    const use = (uid: string, amount: number) =>
      wallets().authorize({ ...measurement(code, uid, amount), mode: "charge" });
    await use("mine", 2);
    await use("mine~1", 1);
    await use("mine-2", 3);
    await wallets().post("refunds", { uid: "mine~undo", of: "mine-2" });
    expect(await balance(code)).toBe("97");
    await correct("mine", "void");
    expect(await balance(code)).toBe("99");
    const refused = wallets().status("measurements", {
      measurements: [measurement(code, "mine#amended#1", 1)],
    });
    expect(await refused).toBe(400);
  });

  test("a part of an open hold cannot be given back until the hold is settled", async () => {
    const { code, id } = await open();
    const settle = (sequence: number, final: boolean) =>
      wallets().act("open-1", "settle", { sequence, measure: { amount: 3 }, final });
    const path = `measurements/${encodeURIComponent("open-1#part#1")}`;
    const reason = "it was wrong";
    await wallets().authorize({ ...measurement(code, "open-1", 6), mode: "hold" });
    await settle(1, false);
    expect(await wallets().status(`${path}/void`, { reason })).toBe(409);
    const amendment = { measure: { amount: 1 }, what: { region: "UK", tier: "Standard" } };
    expect(await wallets().status(`${path}/amend`, { reason, measurement: amendment })).toBe(409);
    expect(await balance(code)).toBe("97");
    await waitForRelay(databaseUrl());
    expect(await world().lines(id, june)).toContain("USAGE 3");
    await settle(2, true);
    await amend("open-1#part#1", 1);
    // 3 + 1 × 1.00
    expect(await balance(code)).toBe("96");
  });

  test("a refund of an amended one gives back what it is charged now, once", async () => {
    const { code, id } = await open();
    await submit(measurement(code, "back-1", 5), measurement(code, "back-2", 4));
    await amend("back-1", 2);
    // 6 × 1.00
    expect(await balance(code)).toBe("94");
    const refund = { uid: "back-of-1", of: "back-1" };
    expect(await wallets().post("refunds", refund)).toMatchObject({ of: "back-1", amount: "2" });
    expect(await wallets().post("refunds", refund)).toMatchObject({ replayed: true });
    expect(await balance(code)).toBe("96");
    expect(await world().lines(id, june)).toEqual(["USAGE 4", "BALANCE_CONSUMED -4", "TOTAL 0"]);
  });

  test("free usage that is voided makes room for the next", async () => {
    const { code } = await open();
    const productId = await world().product();
    const free = await world().meter(productId);
    const plan = await world().plan(productId);
    const aggregationId = await world().aggregation(free.id);
    await world().price({ planId: plan.id, aggregationId }, [
      [0, 0],
      [10, 1],
    ]);
    await world().attach(
      (await wallets().client.list(`accounts?codes=${code}`)).data[0]?.id ?? "",
      plan.id,
    );
    state.meter = free.code;
    await submit(measurement(code, "free-1", 10));
    await correct("free-1", "void");
    await submit(measurement(code, "free-2", 10));
    expect(await balance(code)).toBe("100");
  });

  test("eight corrections at once of one measurement charge one of them", async () => {
    const { code, id } = await open();
    await submit(measurement(code, "race", 6));
    await Promise.all(Array.from({ length: 8 }, (_, nth) => amend("race", nth % 2 === 0 ? 2 : 3)));
    const charged = await balance(code);
    expect(["97", "98"]).toContain(charged);
    const lines = await world().lines(id, june);
    const left = 100 - Number(lines[0]?.split(" ")[1]);
    expect(await balance(code)).toBe(String(left));
    expect(lines.at(-1)).toBe("TOTAL 0");
  });
});
