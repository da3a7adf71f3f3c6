import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { beforeAll, describe, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

const topUps = z.object({ data: z.array(z.object({ id: z.string(), state: z.string() })) });

const { wallets } = walletWorld();
beforeAll(() => wallets().meter("calls"));

const body = async (path: string): Promise<unknown> =>
  (await wallets().client.call("GET", path)).body;

describe("grants that the server makes", () => {
  test("have names that no caller can take", async () => {
    for (const code of ["names", "names-other"]) await wallets().account(code);
    const grant = { account: "names-other", asset: "USD", amount: "1" };
    const topUp = { account: "names-other", asset: "USD", creditAmount: "1" };
    for (const [path, request, field] of [
      ["grants", { ...grant, id: "g~rollover" }, "id"],
      ["topups", { ...topUp, id: "t~1" }, "id"],
      ["refunds", { uid: "r#1", of: "c" }, "uid"],
    ] as const)
      expect(await wallets().client.call("POST", path, request)).toMatchObject({
        status: 400,
        body: { errors: [{ field }] },
      });
  });

  test("are there whatever another account has called its own", async () => {
    const end = Date.now() + 1_000;
    const rollover = { max: "8", expiresAfterSeconds: 3600 };
    const expiresAt = new Date(end).toISOString();
    await wallets().grant("names", "10", { id: "g", expiresAt, rollover });
    await wallets().post("topups", { id: "t", account: "names", asset: "USD", creditAmount: "5" });
    for (const id of ["g.rollover", "t.topUp"]) await wallets().grant("names-other", "1", { id });
    await wallets().post("topups/t/confirm", { payment: "names-pay" });
    await delay(end + 100 - Date.now());
    const charge = await wallets().charge("names", "names-charge", "1");
    expect(charge).toMatchObject({ decision: "allow", remaining: { account: "12" } });
    expect(await body("grants/g~rollover")).toMatchObject({ amount: "8", remaining: "7" });
    expect(await body("grants/t~topUp")).toMatchObject({ amount: "5", account: "names" });
  });

  test("and top-ups by themselves, have ids that are paths as they are", async () => {
    const account = "paths";
    await wallets().account(account);
    await wallets().client.create("autotopups", {
      code: account,
      account,
      asset: "USD",
      threshold: "2",
      creditAmount: "5",
      paymentMethod: "card",
    });
    await wallets().grant(account, "3", { expiresAt: new Date(Date.now() + 1_000).toISOString() });
    await wallets().charge(account, "paths-1", "3");
    const [started] = topUps.parse(await body(`topups?account=${account}`)).data;
    const id = started?.id ?? "";
    expect(await body(`topups/${id}`)).toMatchObject({ id, state: "pending" });
    await wallets().post(`topups/${id}/confirm`, { payment: "paths-pay" });
    await delay(1_100);
    await wallets().post("refunds", { uid: "paths-r", of: "paths-1" });
    const grants = z.object({ data: z.array(z.object({ id: z.string(), purpose: z.string() })) });
    const made = grants.parse(await body(`grants?account=${account}`)).data;
    expect(made.map(({ purpose }) => purpose).sort()).toEqual(["paid", "paid", "refund"]);
    for (const grant of made) expect(await body(`grants/${grant.id}`)).toMatchObject(grant);
  });
});

describe("a grant that is for some usage only", () => {
  /** A product with a meter, and an account. */
  const open = async (code: string) => {
    await wallets().account(code);
    const product = await wallets().client.create("products", { code, name: code });
    const meter = await wallets().client.create("meters", {
      productId: product.id,
      code: `${code}-meter`,
      name: code,
      dataFields: [{ category: "MEASURE", code: "units", name: "Units", unit: "1" }],
      derivedFields: [],
    });
    const grant = (id: string, appliesTo: object) =>
      wallets().client.call("POST", "grants", {
        id,
        account: code,
        asset: "USD",
        amount: "10",
        appliesTo,
      });
    return { product, meter, grant };
  };

  test("names products and meters that exist", async () => {
    const { product, meter, grant } = await open("restricted");
    for (const [appliesTo, field] of [
      [{ products: [meter.id] }, "appliesTo.products[0]"],
      [{ products: ["nonsense"] }, "appliesTo.products[0]"],
      [{ products: [product.id, "restricted"] }, "appliesTo.products[1]"],
      [{ products: ["0123456789-0123456789-0123456789-012"] }, "appliesTo.products[0]"],
      [{ meters: ["restricted-meter", "restricted"] }, "appliesTo.meters[1]"],
      [{ meters: [meter.id] }, "appliesTo.meters[0]"],
      [{ features: [""] }, "appliesTo.features[0]"],
      [{ product: [product.id] }, "appliesTo"],
    ] as const)
      expect(await grant("never", appliesTo)).toMatchObject({
        status: 400,
        body: { errors: [{ field }] },
      });
  });

  test("pays for it, however the product's id is written, which stays", async () => {
    const { product, meter, grant } = await open("paying");
    const appliesTo = { products: [product.id.toUpperCase()], meters: ["paying-meter"] };
    const granted = {
      status: 200,
      body: { appliesTo: { products: [product.id], meters: ["paying-meter"] } },
    };
    expect(await grant("for-paying", appliesTo)).toMatchObject(granted);
    const call = (uid: string, of: string) => wallets().charge("paying", uid, "1", { meter: of });
    expect(await call("paying-other", "calls")).toMatchObject({ decision: "deny" });
    await wallets().client.put(`meters/${meter.id}`, { ...meter, productId: undefined });
    for (const [path, named] of [
      [`meters/${meter.id}`, "code"],
      [`products/${product.id}`, "id"],
    ] as const) {
      const message = expect.stringContaining(`: ${named} is named by authorizations or grants`);
      expect(await wallets().client.call("DELETE", path)).toMatchObject({
        status: 400,
        body: { errorCode: "RECORD_IN_USE", message },
      });
    }
    expect(await grant("for-paying", appliesTo)).toMatchObject(granted);
    expect(await grant("for-paying", { meters: [] })).toMatchObject({ status: 409 });
  });

  test("that was refused leaves what it names removable", async () => {
    const { product, meter, grant } = await open("refused");
    const named = { products: [product.id], meters: ["refused-meter", "refused"] };
    expect(await grant("for-refused", named)).toMatchObject({ status: 400 });
    await wallets().client.remove(`meters/${meter.id}`);
    await wallets().client.remove(`products/${product.id}`);
    expect(await grant("for-refused", named)).toMatchObject({
      status: 400,
      body: { errors: [{ field: "appliesTo.products[0]" }, { field: "appliesTo.meters[0]" }, {}] },
    });
  });

  test("pays for usage of a product whose id was written in capitals", async () => {
    const { product, grant } = await open("capitals");
    await grant("for-capitals", { products: [product.id.toUpperCase()] });
    const call = { meter: "capitals-meter" };
    expect(await wallets().charge("capitals", "capitals", "1", call)).toMatchObject({
      decision: "allow",
    });
  });
});

test("a grant reads back as it was made", async () => {
  await wallets().account("read");
  const terms = {
    priority: 3,
    purpose: "promotional",
    costBasis: "0.25",
    rollover: { max: "5", min: "1", expiresAfterSeconds: 60 },
    expiresAt: "2100-01-01T00:00:00.000Z",
    appliesTo: { products: [], features: ["chat"], meters: ["calls"] },
  };
  const grant = { account: "read", asset: "USD", id: "read", amount: "10", ...terms };
  expect(await wallets().post("grants", grant)).toMatchObject(grant);
  expect(await body("grants/read")).toMatchObject(grant);
});

describe("a grant that is used up", () => {
  test("leaves what its rollover leaves at least, whoever asks and when", async () => {
    const end = Date.now() + 1_500;
    const expiresAt = new Date(end).toISOString();
    const rollover = { max: "8", min: "3", expiresAfterSeconds: 3600 };
    for (const code of ["used", "nearly", "plain"]) {
      await wallets().account(code);
      const more = code === "plain" ? {} : { rollover };
      await wallets().grant(code, "10", { id: code, expiresAt, ...more });
      await wallets().charge(code, code, code === "nearly" ? "9.999999" : "10");
    }
    expect(await body("grants/used")).toMatchObject({ state: "active", remaining: "0" });
    await delay(end + 100 - Date.now());
    for (const code of ["used", "nearly"]) {
      expect(await wallets().wallet(code)).toMatchObject({ available: "3" });
      expect(await body(`grants/${code}~rollover`)).toMatchObject({ state: "active" });
    }
    for (const code of ["used", "plain"]) {
      expect(await body(`grants/${code}`)).toMatchObject({ state: "ended", consumed: "10" });
      expect(await wallets().client.call("POST", `grants/${code}/void`)).toMatchObject({
        status: 409,
      });
    }
    expect(await wallets().wallet("plain")).toMatchObject({ available: "0" });
  });
});

describe("a grant that has ended just now", () => {
  const entries = z.object({ data: z.array(z.object({ kind: z.string() })) });
  const grants = z.object({
    data: z.array(z.object({ id: z.string(), state: z.string(), remaining: z.string() })),
  });

  /** Asks right after each of some ends: what is due is swept every second by itself. */
  const afterEnds = async (
    asset: string,
    ask: (account: string) => Promise<unknown>,
  ): Promise<void> => {
    await wallets().asset(asset, 6);
    const start = Date.now() + 2_000;
    const ends = new Map(
      Array.from({ length: 6 }, (_, nth) => [`${asset}-${nth}`, start + nth * 170]),
    );
    for (const [code, end] of ends) {
      await wallets().account(code);
      const expiresAt = new Date(end).toISOString();
      await wallets().grant(code, "10", { id: code, asset, expiresAt });
    }
    for (const [code, end] of ends) {
      await delay(end + 5 - Date.now());
      await ask(code);
    }
  };

  test("is in the entries of the wallet", async () => {
    await afterEnds("EUR", async (account) => {
      const path = `accounts/${wallets().idOf(account)}/wallet/entries`;
      const { data } = entries.parse(await body(path));
      expect(data.map(({ kind }) => kind)).toEqual(["breakage", "credit"]);
    });
  });

  test("is ended in a list of everybody's", async () => {
    await afterEnds("GBP", async (account) => {
      const { data } = grants.parse(await body("grants?asset=GBP"));
      expect(data.find(({ id }) => id === account)).toMatchObject({
        state: "ended",
        remaining: "0",
      });
    });
  });

  test("gives back what a hold held that ended with it", async () => {
    await wallets().asset("CHF", 6);
    await wallets().account("holding");
    await wallets().grant("holding", "10", { asset: "CHF" });
    await wallets().hold("holding", "holding", "4", { asset: "CHF", ttlSeconds: 1 });
    await delay(1_005);
    expect(await body("grants?asset=CHF")).toMatchObject({ data: [{ remaining: "10" }] });
  });
});

test("the first top-up of an account is on its way before the account has anything", async () => {
  await wallets().account("first");
  const credit = { id: "first", account: "first", asset: "USD", creditAmount: "5" };
  await wallets().post("topups", credit);
  expect(await wallets().wallet("first")).toMatchObject({ balance: "0", pendingIn: "5" });
  await wallets().post("topups/first/fail", {});
  await wallets().post("topups", { ...credit, id: "second" });
  await wallets().post("topups/second/confirm", { payment: "first" });
  expect(await wallets().wallet("first")).toMatchObject({ balance: "5", pendingIn: "0" });
});

describe("an automatic top-up", () => {
  const rule = { asset: "USD", threshold: "20", creditAmount: "100", paymentMethod: "card" };
  const pending = async (account: string): Promise<string[]> => {
    const { data } = topUps.parse(await body(`topups?account=${account}`));
    return data.filter(({ state }) => state === "pending").map(({ id }) => id);
  };

  test("starts for an empty wallet, with the charge that is denied", async () => {
    await wallets().account("empty");
    await wallets().client.create("autotopups", { ...rule, code: "empty", account: "empty" });
    expect(await pending("empty")).toEqual([]);
    const denied = await wallets().charge("empty", "empty-denied", "1");
    expect(denied.decision).toBe("deny");
    const [id = "", ...others] = await pending("empty");
    expect(others).toEqual([]);
    const taken = { id, account: "empty", asset: "USD", creditAmount: "1" };
    expect(await wallets().client.call("POST", "topups", taken)).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining("id must not contain ~") },
    });
    const path = `topups/${encodeURIComponent(id)}`;
    expect(await body(path)).toMatchObject({ id, state: "pending" });
    await wallets().post(`${path}/confirm`, { payment: "empty-pay" });
    expect(await wallets().wallet("empty")).toMatchObject({ available: "100", pendingIn: "0" });
  });

  test("says what is in flight, and when it waits for another payment method", async () => {
    await wallets().account("declined");
    const fields = { ...rule, code: "declined", account: "declined", countMax: 10 };
    const { id, version } = await wallets().client.create("autotopups", fields);
    const standing = () => body(`autotopups/${id}`);
    expect(await standing()).toMatchObject({ failures: 0, suspended: false });
    for (const failures of [1, 2, 3]) {
      await wallets().charge("declined", `declined-${failures}`, "1");
      const [topUp = ""] = await pending("declined");
      expect(await standing()).toMatchObject({ inFlight: topUp, suspended: false });
      await wallets().post(`topups/${topUp}/fail`);
      expect(await standing()).toMatchObject({ failures, suspended: failures === 3 });
    }
    expect(await standing()).not.toHaveProperty("inFlight");
    const changed = { ...fields, paymentMethod: "another", version };
    const answer = await wallets().client.call("PUT", `autotopups/${id}`, changed);
    expect(answer.body).toMatchObject({ failures: 0, suspended: false });
    await wallets().charge("declined", "declined-4", "1");
    expect(await standing()).toMatchObject({ inFlight: expect.any(String) });
    const third = { ...fields, paymentMethod: "third", version: version + 1 };
    await wallets().client.put(`autotopups/${id}`, third);
    const [ofAnother = ""] = await pending("declined");
    await wallets().post(`topups/${ofAnother}/fail`);
    expect(await standing()).toMatchObject({ failures: 0, suspended: false });
  });

  test("is of one account and asset, for as long as it exists", async () => {
    for (const code of ["moved", "moved-to"]) await wallets().account(code);
    const fields = { ...rule, code: "moved", account: "moved" };
    const { id, version } = await wallets().client.create("autotopups", fields);
    for (const field of ["account", "asset"]) {
      const changed = { ...fields, version, [field]: "moved-to" };
      const message = await wallets().client.refusal("PUT", `autotopups/${id}`, changed);
      expect(message).toContain(`${field} must not change`);
    }
  });
});

describe("debt", () => {
  test("is repaid by the credit that arrives, not out of a grant for another feature", async () => {
    await wallets().account("owing");
    await wallets().setWallet("owing", { mode: "soft", debtLimit: "50" });
    await wallets().grant("owing", "5");
    await wallets().charge("owing", "owing-images", "11", { feature: "images" });
    const chat = { features: ["chat"] };
    const paid = { id: "owing-paid", purpose: "paid" };
    await wallets().grant("owing", "10", paid);
    expect(await body("grants/owing-paid")).toMatchObject({ remaining: "4" });
    await wallets().charge("owing", "owing-more", "10", { feature: "images" });
    // 6 are owed: the grant for chat repays as it comes, and what is left of it nothing else.
    await wallets().grant("owing", "20", { id: "owing-chat", appliesTo: chat });
    expect(await body("grants/owing-chat")).toMatchObject({ remaining: "14" });
    await wallets().charge("owing", "owing-again", "3", { feature: "images" });
    await wallets().grant("owing", "10", { id: "owing-last" });
    expect(await body("grants/owing-chat")).toMatchObject({ remaining: "14" });
    expect(await body("grants/owing-last")).toMatchObject({ remaining: "7" });
    expect(await wallets().wallet("owing")).toMatchObject({ debt: "0", available: "21" });
  });

  test("is repaid by what a rollover adds as its floor", async () => {
    const end = Date.now() + 1_000;
    const rollover = { max: "8", min: "8", expiresAfterSeconds: 3600 };
    const terms = { id: "floor", expiresAt: new Date(end).toISOString(), rollover };
    await wallets().account("floor");
    await wallets().setWallet("floor", { mode: "soft", debtLimit: "5" });
    await wallets().grant("floor", "10", terms);
    await wallets().charge("floor", "floor-all", "15");
    expect(await wallets().wallet("floor")).toMatchObject({ debt: "5", available: "-5" });
    await delay(end + 100 - Date.now());
    expect(await wallets().wallet("floor")).toMatchObject({ debt: "0", available: "3" });
    expect(await wallets().charge("floor", "floor-more", "3")).toMatchObject({ decision: "allow" });
  });
});
