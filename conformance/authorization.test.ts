import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { beforeAll, describe, expect, test } from "vitest";
import { authorized, callWithKey } from "./authorization-client.ts";
import type { ServerProcess } from "./server.ts";
import { walletWorld } from "./wallet-world.ts";

const grantReply = z.looseObject({ remaining: z.string() });
const topUps = z.object({
  data: z.array(z.looseObject({ id: z.string(), state: z.string() })),
});

const { world, wallets } = walletWorld();
const server = (): ServerProcess => world().server;
beforeAll(() => wallets().meter("calls"));

describe("W1: ten, then one", () => {
  test("eleven calls at once on a balance for ten: the eleventh is refused, for good", async () => {
    await wallets().account("w1");
    await wallets().grant("w1", "10");
    const calls = Array.from({ length: 11 }, (_, nth) =>
      wallets().charge("w1", `w1-${nth}`, "1", { measure: { units: 1 } }),
    );
    const answers = await Promise.all(calls);
    const denied = answers.filter(({ decision }) => decision === "deny");
    expect(denied).toHaveLength(1);
    expect(denied[0]?.reasons).toEqual([
      { code: "INSUFFICIENT_FUNDS", shortfall: "1", asset: "USD" },
    ]);
    expect(await wallets().wallet("w1")).toMatchObject({ balance: "0", available: "0" });
    await wallets().grant("w1", "5");
    const uid = denied[0]?.uid ?? "";
    const again = await wallets().charge("w1", uid, "1", { measure: { units: 1 } });
    expect(again).toEqual({ ...denied[0], replayed: true });
    const fresh = await wallets().charge("w1", "w1-new", "1", { measure: { units: 1 } });
    expect(fresh).toMatchObject({ decision: "allow", remaining: { account: "4" } });
  });

  test("a uid with another content is refused and changes nothing", async () => {
    expect(
      await wallets().status("authorizations", {
        uid: "w1-new",
        account: "w1",
        meter: "calls",
        mode: "charge",
        amount: "2",
        asset: "USD",
      }),
    ).toBe(409);
    expect(await wallets().wallet("w1")).toMatchObject({ available: "4" });
  });

  test("a key pair is enough", async () => {
    const body = { uid: "w1-key", account: "w1", meter: "calls", mode: "charge" };
    const answer = await callWithKey(server(), "authorizations", {
      ...body,
      amount: "1",
      asset: "USD",
    });
    expect(authorized.parse(answer.body)).toMatchObject({ decision: "allow" });
    const wrong = await callWithKey({ ...server(), apiSecret: "wrong" }, "authorizations", body);
    expect(wrong.status).toBe(401);
  });
});

describe("holds", () => {
  test("W2: settle, and the same sequence again", async () => {
    await wallets().account("w2");
    await wallets().grant("w2", "100");
    const held = await wallets().hold("w2", "w2", "40");
    expect(held).toMatchObject({ decision: "allow", holds: "40", remaining: { account: "60" } });
    const settled = await wallets().settle("w2", "25");
    expect(settled).toMatchObject({ state: "SETTLED", holds: "0", remaining: { account: "75" } });
    expect(await wallets().settle("w2", "25")).toEqual({ ...settled, replayed: true });
    expect(await wallets().wallet("w2")).toMatchObject({ balance: "75", held: "0" });
  });

  test("W3: settling above the hold", async () => {
    const open = async (code: string, settleOverage: string, debtLimit = "0") => {
      await wallets().account(code);
      await wallets().setWallet(code, { mode: "hard", debtLimit });
      await wallets().grant(code, "100");
      await wallets().hold(code, `${code}-other`, "30");
      await wallets().hold(code, code, "40", { settleOverage });
    };
    await open("w3-reject", "reject");
    const body = { sequence: 1, amount: "90" };
    expect(await wallets().status("authorizations/w3-reject/settle", body)).toBe(409);
    expect(await wallets().wallet("w3-reject")).toMatchObject({ held: "70", available: "30" });
    await open("w3-cap", "cap");
    expect(await wallets().settle("w3-cap", "90")).toMatchObject({ shortfall: "20" });
    expect(await wallets().wallet("w3-cap")).toMatchObject({ held: "30", available: "0" });
    await open("w3-debt", "debt", "50");
    await wallets().settle("w3-debt", "90");
    expect(await wallets().wallet("w3-debt")).toMatchObject({ debt: "20", available: "-20" });
    const refused = await wallets().charge("w3-debt", "w3-debt-next", "1");
    expect(refused.reasons[0]).toEqual({ code: "DEBT_OUTSTANDING", debt: "20", asset: "USD" });
    await wallets().grant("w3-debt", "25");
    expect(await wallets().wallet("w3-debt")).toMatchObject({ debt: "0", available: "5" });
  });

  test("W4: a void gives back to the grants what was taken from them", async () => {
    await wallets().account("w4");
    const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
    await wallets().grant("w4", "5", { id: "w4-g1", expiresAt });
    await wallets().grant("w4", "20", { id: "w4-g2" });
    await wallets().hold("w4", "w4", "8");
    const remaining = async () =>
      Promise.all(
        ["w4-g1", "w4-g2"].map(async (id) => {
          const { body } = await wallets().client.call("GET", `grants/${id}`);
          return grantReply.parse(body).remaining;
        }),
      );
    expect(await remaining()).toEqual(["0", "17"]);
    await wallets().act("w4", "void");
    expect(await remaining()).toEqual(["5", "20"]);
    await wallets().hold("w4", "w4-again", "8");
    await wallets().settle("w4-again", "5");
    expect(await remaining()).toEqual(["0", "20"]);
  });

  test("W5: a hold that expired is settled late, as a fresh charge", async () => {
    await wallets().account("w5");
    await wallets().setWallet("w5", { mode: "hard", debtLimit: "2" });
    await wallets().grant("w5", "10");
    await wallets().hold("w5", "w5", "6", { ttlSeconds: 1 });
    await delay(1_100);
    expect(await wallets().wallet("w5")).toMatchObject({ held: "0", available: "10" });
    await wallets().charge("w5", "w5-charge", "7");
    expect(await wallets().settle("w5", "5")).toMatchObject({ state: "SETTLED_LATE" });
    expect(await wallets().wallet("w5")).toMatchObject({ debt: "2", available: "-2" });
  });

  test("W6: a session grants slices until the money is gone", async () => {
    await wallets().account("w6");
    await wallets().grant("w6", "1");
    await wallets().hold("w6", "w6", "0.30", { mode: "session" });
    const update = (sequence: number, amount = "0.20") =>
      wallets().act("w6", "update", { sequence, used: { amount }, request: { amount: "0.30" } });
    expect(await update(1)).toMatchObject({ holds: "0.3", remaining: { account: "0.5" } });
    expect(await update(2)).toMatchObject({ holds: "0.3", remaining: { account: "0.3" } });
    expect(await update(3)).toMatchObject({ holds: "0.3", remaining: { account: "0.1" } });
    expect(await update(4)).toMatchObject({
      holds: "0.2",
      remaining: { account: "0" },
      final: true,
    });
    expect(await update(5)).toMatchObject({ holds: "0", state: "SETTLED" });
    expect(await wallets().wallet("w6")).toMatchObject({ balance: "0", held: "0" });
  });
});

describe("prices of the plan", () => {
  const sell = async (
    code: string,
    pricing: Record<string, unknown>,
    usage: number,
  ): Promise<void> => {
    await wallets().account(code);
    await wallets().plan(code, pricing);
    await wallets().grant(code, "100");
    await priced(code, `${code}-before`, usage);
  };
  const priced = (account: string, uid: string, units: number, mode = "charge") =>
    wallets().authorize({ account, uid, mode, measure: { units } });
  const bands = (...rows: readonly (readonly [number, number])[]) =>
    rows.map(([lowerLimit, unitPrice]) => ({ lowerLimit, unitPrice, fixedPrice: 0 }));

  test("W7: graduated, at the account's position; holds at the worst one", async () => {
    const pricingBands = bands([0, 0.01], [1000, 0.008]);
    await sell("w7", { cumulative: true, pricingBands }, 950);
    expect(await wallets().wallet("w7")).toMatchObject({ available: "90.5" });
    expect(await priced("w7", "w7-h1", 100, "hold")).toMatchObject({ holds: "0.9" });
    expect(await priced("w7", "w7-h2", 100, "hold")).toMatchObject({ holds: "0.9" });
    await wallets().act("w7-h1", "settle", { sequence: 1, measure: { units: 100 } });
    await wallets().act("w7-h2", "settle", { sequence: 1, measure: { units: 100 } });
    // 9.50 + 0.90 + 0.80
    expect(await wallets().wallet("w7")).toMatchObject({ available: "88.8", held: "0" });
  });

  test("W8: rising", async () => {
    await sell("w8", { cumulative: true, pricingBands: bands([0, 0], [1000, 0.01]) }, 950);
    expect(await priced("w8", "w8-h1", 100, "hold")).toMatchObject({ holds: "0.5" });
    expect(await priced("w8", "w8-h2", 100, "hold")).toMatchObject({ holds: "1" });
    await wallets().act("w8-h1", "void");
    await wallets().act("w8-h2", "settle", { sequence: 1, measure: { units: 100 } });
    expect(await wallets().wallet("w8")).toMatchObject({ available: "99.5", held: "0" });
  });

  test("W10, W18: what is free needs no funds", async () => {
    await wallets().account("w10");
    await wallets().plan("w10", { cumulative: true, pricingBands: bands([0, 0], [500, 0.01]) });
    const free = await priced("w10", "w10-free", 500);
    expect(free).toMatchObject({ decision: "allow", reasons: [{ code: "UNCONTROLLED" }] });
    const dear = await priced("w10", "w10-dear", 100);
    expect(dear).toMatchObject({ decision: "deny", reasons: [{ code: "INSUFFICIENT_FUNDS" }] });
  });

  test("no plan and no amount: it cannot be rated", async () => {
    await wallets().account("unpriced");
    const answer = await priced("unpriced", "unpriced", 1);
    expect(answer).toMatchObject({ decision: "deny", reasons: [{ code: "CANNOT_RATE" }] });
  });
});

describe("limits", () => {
  test("W12: a budget refuses before the money is touched", async () => {
    await wallets().account("w12");
    await wallets().grant("w12", "100");
    await wallets().client.create("budgets", {
      code: "w12",
      scope: { account: "w12", agent: "bot" },
      asset: "USD",
      window: "day",
      timeZone: "America/New_York",
      limit: "10",
    });
    const hold = (uid: string, amount: string) =>
      wallets().hold("w12", uid, amount, { agent: "bot" });
    expect(await hold("w12-1", "8")).toMatchObject({ decision: "allow" });
    const denied = await hold("w12-2", "3");
    const [reason] = denied.reasons;
    expect(reason).toMatchObject({ code: "BUDGET_EXCEEDED", used: "8", requested: "3" });
    await wallets().settle("w12-1", "5");
    expect(await hold("w12-3", "5")).toMatchObject({ decision: "allow" });
    expect(await hold("w12-4", "1")).toMatchObject({ decision: "deny" });
    expect(await wallets().wallet("w12")).toMatchObject({ balance: "95", held: "5" });
    const { body } = await wallets().client.call("GET", "budgets?codes=w12");
    expect(body).toMatchObject({ data: [{ used: "5", held: "5" }] });
  });

  test("W13: a hold counts in the day it was taken in, whenever it is settled", async () => {
    await wallets().account("w13");
    await wallets().grant("w13", "100");
    // A day that ends in a moment.
    const edge = Date.now() + 4_000;
    await wallets().client.create("budgets", {
      code: "w13",
      scope: { account: "w13" },
      asset: "USD",
      window: "day",
      anchor: new Date(edge).toISOString().slice(0, -1),
      limit: "10",
    });
    await wallets().hold("w13", "w13", "8");
    expect(await wallets().charge("w13", "w13-more", "3")).toMatchObject({
      reasons: [{ code: "BUDGET_EXCEEDED", used: "8" }],
      remaining: { account: "92", budgets: [{ budget: "w13", used: "8", limit: "10" }] },
    });
    await delay(edge + 200 - Date.now());
    await wallets().settle("w13", "8");
    expect(await wallets().charge("w13", "w13-next", "10")).toMatchObject({ decision: "allow" });
    expect(await wallets().wallet("w13")).toMatchObject({ balance: "82", held: "0" });
  });

  test("a rate limit and a concurrency limit, each in its scope", async () => {
    await wallets().account("limited");
    await wallets().grant("limited", "100");
    const scope = { account: "limited", subject: "ann" };
    await wallets().client.create("ratelimits", {
      code: "r",
      scope,
      limit: 2,
      windowSeconds: 3600,
    });
    await wallets().client.create("concurrencylimits", {
      code: "c",
      scope: { account: "limited" },
      limit: 1,
    });
    const hold = (uid: string, subject: string) => wallets().hold("limited", uid, "1", { subject });
    expect(await hold("l1", "ann")).toMatchObject({ decision: "allow" });
    expect(await hold("l2", "ann")).toMatchObject({
      reasons: [{ code: "CONCURRENCY_EXCEEDED", limitCode: "c", limit: 1 }],
    });
    await wallets().act("l1", "void");
    expect(await hold("l3", "ann")).toMatchObject({ decision: "allow" });
    await wallets().act("l3", "void");
    expect(await hold("l4", "ann")).toMatchObject({
      reasons: [{ code: "RATE_LIMITED", limitCode: "r" }],
    });
    expect(await hold("l5", "bob")).toMatchObject({ decision: "allow" });
  });

  test("W16: a part, when the caller takes one", async () => {
    await wallets().account("w16");
    await wallets().grant("w16", "7");
    const charge = (uid: string, partial: string) =>
      wallets().charge("w16", uid, "10", { partial, measure: { units: 10 } });
    expect(await charge("w16-never", "never")).toMatchObject({ decision: "deny" });
    expect(await charge("w16-allow", "allow")).toMatchObject({ decision: "partial", amount: "7" });
  });

  test("a check and a dry run change nothing", async () => {
    await wallets().account("check");
    await wallets().grant("check", "1");
    const check = { mode: "check", measure: { units: 1 } };
    expect(await wallets().charge("check", "check", "1", check)).toMatchObject({
      decision: "allow",
    });
    expect(await wallets().charge("check", "check", "2", check)).toMatchObject({
      decision: "deny",
    });
    expect(await wallets().wallet("check")).toMatchObject({ available: "1" });
  });
});

describe("more ways to pay", () => {
  test("W11: credits first, then money at a rate; a refund goes back the other way", async () => {
    await wallets().client.create("assets", {
      code: "TOK",
      name: "Tokens",
      scale: 0,
      kind: "custom",
    });
    const rate = (from: string, to: string, value: string) =>
      wallets().client.create("assetrates", {
        from,
        to,
        rate: value,
        effectiveAt: "2020-01-01T00:00:00Z",
      });
    await rate("USD", "TOK", "1000");
    await wallets().account("w11");
    await wallets().grant("w11", "500", { asset: "TOK" });
    await wallets().grant("w11", "20");
    const answer = await wallets().authorize({
      account: "w11",
      uid: "w11",
      amount: "800",
      asset: "TOK",
      assets: ["TOK", "USD"],
    });
    expect(answer["lines"]).toEqual([
      { asset: "TOK", amount: "500" },
      { asset: "USD", amount: "0.3" },
    ]);
    await wallets().post("refunds", { uid: "w11-back", of: "w11", amount: "400" });
    expect(await wallets().wallet("w11", "TOK")).toMatchObject({ available: "100" });
    expect(await wallets().wallet("w11")).toMatchObject({ available: "20" });
  });

  test("W14: one automatic top-up at a time; after three failures none until another card", async () => {
    await wallets().account("w14");
    await wallets().grant("w14", "100");
    const rule = {
      code: "w14",
      account: "w14",
      asset: "USD",
      threshold: "20",
      creditAmount: "100",
      chargeAmount: "103.30",
      paymentMethod: "card-1",
      windowSeconds: 3600,
      countMax: 10,
    };
    const created = await wallets().client.create("autotopups", rule);
    await Promise.all(["a", "b", "c"].map((uid) => wallets().charge("w14", `w14-${uid}`, "30")));
    const pending = async () => {
      const { body } = await wallets().client.call("GET", "topups?account=w14");
      return topUps.parse(body).data.filter(({ state: is }) => is === "pending");
    };
    const pathOf = (topUp: { readonly id: string } | undefined): string =>
      `topups/${encodeURIComponent(topUp?.id ?? "")}`;
    const [first, another] = await pending();
    expect(another).toBeUndefined();
    expect(first).toMatchObject({ creditAmount: "100", chargeAmount: "103.30" });
    expect(await wallets().wallet("w14")).toMatchObject({ available: "10", pendingIn: "100" });
    await wallets().post(`${pathOf(first)}/confirm`, { payment: "pay-1" });
    await wallets().post(`${pathOf(first)}/confirm`, { payment: "pay-1" });
    expect(await wallets().wallet("w14")).toMatchObject({ available: "110", pendingIn: "0" });
    await wallets().charge("w14", "w14-more", "95");
    for (const nth of [1, 2, 3]) {
      const [failing] = await pending();
      await wallets().post(`${pathOf(failing)}/fail`);
      await wallets().charge("w14", `w14-after-${nth}`, "1");
    }
    expect(await pending()).toEqual([]);
    await wallets().client.put(`autotopups/${created.id}`, {
      ...rule,
      version: created.version,
      paymentMethod: "card-2",
    });
    await wallets().charge("w14", "w14-card-2", "1");
    expect(await pending()).toHaveLength(1);
  });

  test("W15: what is held when a grant is replaced stays with its hold; the rest is forfeited", async () => {
    await wallets().account("w15");
    const end = Date.now() + 4_000;
    const expiresAt = new Date(end).toISOString();
    await wallets().grant("w15", "1000", { id: "w15-may", purpose: "bundled", expiresAt });
    await wallets().charge("w15", "w15-used", "400");
    await wallets().hold("w15", "w15", "100");
    await delay(end + 200 - Date.now());
    await wallets().grant("w15", "1000", { id: "w15-june", purpose: "bundled" });
    const may = async () => (await wallets().client.call("GET", "grants/w15-may")).body;
    expect(await may()).toMatchObject({ remaining: "0", held: "100", breakage: "500" });
    expect(await wallets().wallet("w15")).toMatchObject({ available: "1000", held: "100" });
    await wallets().settle("w15", "60");
    expect(await may()).toMatchObject({ held: "0", consumed: "460", breakage: "540" });
    expect(await wallets().wallet("w15")).toMatchObject({ available: "1000", held: "0" });
  });

  test("W17: a lease is spent by its client and reported", async () => {
    await wallets().account("w17");
    await wallets().grant("w17", "100");
    const lease = { id: "w17", account: "w17", asset: "USD", amount: "20", ttlSeconds: 60 };
    expect(await wallets().post("leases", lease)).toMatchObject({ remaining: { account: "80" } });
    const spend = (nth: number) => ({
      uid: `w17-${nth}`,
      meter: "calls",
      amount: "6.5",
      measure: { units: 1 },
    });
    const report = { sequence: 1, spends: [spend(1), spend(2)] };
    expect(await wallets().post("leases/w17/report", report)).toMatchObject({ amount: "13" });
    expect(await wallets().wallet("w17")).toMatchObject({ balance: "87", held: "0" });
    const read = (id: string) => wallets().client.call("GET", `leases/${id}`);
    expect(await read("w17")).toMatchObject({
      status: 200,
      body: { id: "w17", account: "w17", mode: "lease", state: "SETTLED", settled: "13" },
    });
    // The spend of a lease is no lease, and neither is a hold.
    expect(await read("w17-1")).toMatchObject({ status: 404 });
    expect(await read("w2")).toMatchObject({ status: 404 });
  });

  test("a batch is decided in order; a linked one all or nothing", async () => {
    await wallets().account("batch");
    await wallets().grant("batch", "2");
    const one = (uid: string) => ({
      uid,
      account: "batch",
      meter: "calls",
      mode: "charge",
      amount: "1",
      asset: "USD",
    });
    const batch = z.object({ authorizations: z.array(z.looseObject({ decision: z.string() })) });
    const decide = async (linked: boolean, ...uids: string[]) => {
      const body = { linked, authorizations: uids.map(one) };
      const { authorizations } = batch.parse(await wallets().post("authorizations/batch", body));
      return authorizations.map(({ decision }) => decision);
    };
    expect(await decide(true, "b1", "b2", "b3")).toEqual(["deny", "deny", "deny"]);
    expect(await decide(false, "b4", "b5", "b6")).toEqual(["allow", "allow", "deny"]);
  });

  test("the entries of a wallet, newest first", async () => {
    const { body } = await wallets().client.call(
      "GET",
      `accounts/${wallets().idOf("w2")}/wallet/entries`,
    );
    const { data } = z.object({ data: z.array(z.looseObject({ kind: z.string() })) }).parse(body);
    expect(data.map(({ kind }) => kind)).toEqual(["release", "settlement", "hold", "credit"]);
  });
});
