import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { type Authorized, authorized, callWithKey, Wallets } from "./authorization-client.ts";
import { brokenInvariants, inspect, meteredUnits, waitForRelay } from "./ledger-inspection.ts";
import { newFolder, removeFolder, sharedKeys, startServer } from "./server.ts";
import { ownDatabase, serverPair } from "./wallet-world.ts";

const url = ownDatabase();
const { servers, first: firstServer, home, orgId } = serverPair(url);

const state: { wallets?: Wallets; meterId: string } = { meterId: "" };
const wallets = (): Wallets => {
  if (state.wallets === undefined) throw new Error("no server");
  return state.wallets;
};

beforeAll(async () => {
  state.wallets = await Wallets.open(firstServer());
  await wallets().asset("USD", 6);
  state.meterId = (await wallets().meter("calls")).id;
});

/** To one server or the other. */
const charge = async (nth: number, body: Record<string, unknown>): Promise<Authorized> => {
  const server = servers[nth % servers.length];
  if (server === undefined) throw new Error("no server");
  const answer = await callWithKey(server, "authorizations", {
    meter: "calls",
    mode: "charge",
    ...body,
  });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer));
  return authorized.parse(answer.body);
};

const allowed = (answers: readonly Authorized[]): number =>
  answers.filter(({ decision }) => decision === "allow").length;

/** So many clients at once, half at each server. */
const clients = (
  count: number,
  bodyOf: (nth: number) => Record<string, unknown>,
): Promise<Authorized[]> =>
  Promise.all(Array.from({ length: count }, (_, nth) => charge(nth, bodyOf(nth))));

const one = (account: string) => (nth: number) => ({
  account,
  uid: `${account}-${nth}`,
  amount: "1",
  asset: "USD",
  measure: { units: 1 },
});

/** Before there is a limit: where money alone has a say, nothing is locked before it is decided. */
test("256 clients at two servers, round after round: ten of sixteen on the money for ten", async () => {
  for (let round = 0; round < 4; round += 1) {
    const accounts = Array.from({ length: 16 }, (_, nth) => `${round}-free-${nth}`);
    for (const account of accounts) {
      await wallets().account(account);
      await wallets().grant(account, "10");
    }
    const body = (nth: number) => {
      const account = accounts[Math.floor(nth / 16)] ?? "";
      return { ...one(account)(nth), partial: "never" };
    };
    const answers = await clients(256, body);
    for (const [nth, account] of accounts.entries()) {
      expect(allowed(answers.slice(nth * 16, (nth + 1) * 16))).toBe(10);
      expect(await wallets().wallet(account)).toMatchObject({ balance: "0" });
    }
    // Each again, at the other server.
    const again = await Promise.all(answers.map((_, nth) => charge(nth + 1, body(nth))));
    expect(again).toEqual(answers.map((answer) => ({ ...answer, replayed: true })));
  }
  expect(await brokenInvariants(url(), orgId)).toEqual([]);
});

test("256 clients at two servers: exactly what the money, the tiers and the budgets allow", async () => {
  const soon = new Date(Date.now() + 2_000).toISOString();
  for (const code of ["plain", "tiered", "budgeted", "expiring", "twice"])
    await wallets().account(code);
  await wallets().grant("plain", "10.5");
  // 1,000 units at 0.010, then 0.008; calls of 100 units: ten cost 10.00, each further one 0.80. 12.00 pays twelve.
  await wallets().grant("tiered", "12");
  await wallets().plan("tiered", {
    cumulative: true,
    pricingBands: [
      { lowerLimit: 0, unitPrice: 0.01, fixedPrice: 0 },
      { lowerLimit: 1000, unitPrice: 0.008, fixedPrice: 0 },
    ],
  });
  await wallets().grant("budgeted", "100");
  await wallets().client.create("budgets", {
    code: "all",
    scope: { agent: "bot" },
    asset: "USD",
    window: "lifetime",
    limit: "7",
  });
  await wallets().grant("expiring", "5", { expiresAt: soon });
  await wallets().grant("expiring", "4");
  await wallets().hold("expiring", "expiring-hold", "3", { ttlSeconds: 1 });
  await wallets().grant("twice", "10");
  // What was remembered of plans and limits is forgotten by the other server.
  await delay(5_500);
  const [plain, tiered, budgeted, expiring, twice] = await Promise.all([
    clients(64, one("plain")),
    clients(64, (nth) => ({
      account: "tiered",
      uid: `tiered-${nth}`,
      measure: { units: 100 },
    })),
    clients(48, (nth) => ({ ...one("budgeted")(nth), agent: "bot" })),
    clients(48, one("expiring")),
    // Every uid at both servers: it is decided once.
    clients(32, (nth) => one("twice")(Math.floor(nth / 2))),
  ]);
  expect(allowed(plain)).toBe(10);
  expect(allowed(tiered)).toBe(12);
  expect(allowed(budgeted)).toBe(7);
  expect(allowed(expiring)).toBe(4);
  const byUid = Map.groupBy(twice, ({ uid }) => uid);
  for (const answers of byUid.values())
    expect(new Set(answers.map(({ decision }) => decision)).size).toBe(1);
  expect(allowed([...byUid.values()].flatMap(([first]) => first ?? []))).toBe(10);
  expect(await wallets().wallet("tiered")).toMatchObject({ available: "0.4" });
  expect(await wallets().wallet("expiring")).toMatchObject({ available: "0", held: "0" });
});

test("every eleventh call is refused, round after round", async () => {
  for (let round = 0; round < 5; round += 1) {
    const account = `round-${round}`;
    await wallets().account(account);
    await wallets().grant(account, "10");
    expect(allowed(await clients(11, one(account)))).toBe(10);
    expect(await wallets().wallet(account)).toMatchObject({ balance: "0" });
  }
});

test("a plain measurement of an account with a wallet is charged afterwards, once", async () => {
  await wallets().account("later");
  await wallets().plan("later", {
    cumulative: true,
    pricingBands: [{ lowerLimit: 0, unitPrice: 0.5, fixedPrice: 0 }],
  });
  await wallets().grant("later", "10");
  const measurement = (uid: string) => ({
    uid,
    account: "later",
    meter: "calls",
    ts: new Date().toISOString(),
    measure: { units: 4 },
  });
  const submit = () =>
    wallets().post("measurements", {
      measurements: [measurement("later-1"), measurement("later-2")],
    });
  await submit();
  expect(await submit()).toMatchObject({
    failures: [{ type: "DuplicateUid" }, { type: "DuplicateUid" }],
  });
  expect(await wallets().wallet("later")).toMatchObject({ available: "6" });
  const answer = await charge(0, { account: "later", uid: "later-3", measure: { units: 2 } });
  expect(answer).toMatchObject({ decision: "allow" });
  await wallets().post("measurements", { measurements: [measurement("later-3")] });
  expect(await wallets().wallet("later")).toMatchObject({ available: "5" });
});

test("a clock that was set back brings no expired hold back (I23)", async () => {
  await wallets().account("skewed");
  await wallets().grant("skewed", "10");
  await wallets().hold("skewed", "skewed-1", "4", { ttlSeconds: 60 });
  // As if a server whose clock runs two minutes ahead had decided for the account.
  const ahead = Date.now() + 120_000;
  await inspect(url(), (pool) =>
    pool.query(
      `UPDATE ledger_account SET purse = regexp_replace(purse, '"seenAt":\\d+', '"seenAt":' || $1::bigint)
       WHERE account = 'skewed'`,
      [ahead],
    ),
  );
  expect(await wallets().wallet("skewed")).toMatchObject({ available: "10", held: "0" });
  const late = await charge(1, { account: "skewed", uid: "skewed-2", amount: "10", asset: "USD" });
  expect(late).toMatchObject({ decision: "allow" });
  expect(await wallets().settle("skewed-1", "4")).toMatchObject({
    state: "SETTLED_LATE",
    shortfall: "4",
  });
});

test("organizations on one database share no uid, no balance and no key (I29)", async () => {
  const settings = {
    ...sharedKeys,
    TURNPIKE_ORG_ID: "33333333-2222-4333-8444-555555555555",
    TURNPIKE_ACCESS_KEY: "other-access-key",
    DATABASE_URL: url(),
  };
  const folder = await newFolder();
  const stranger = await startServer(folder, settings);
  try {
    const theirs = await Wallets.open(stranger);
    await theirs.asset("USD", 6);
    await theirs.meter("calls");
    for (const each of [wallets(), theirs]) await each.account("namesake");
    await theirs.grant("namesake", "3", { id: "namesake-grant" });
    await wallets().grant("namesake", "5", { id: "namesake-grant" });
    expect(await theirs.charge("namesake", "namesake-1", "2")).toMatchObject({ replayed: false });
    expect(await wallets().charge("namesake", "namesake-1", "4")).toMatchObject({
      decision: "allow",
      replayed: false,
    });
    expect(await wallets().wallet("namesake")).toMatchObject({ available: "1" });
    expect(await theirs.wallet("namesake")).toMatchObject({ available: "1" });
    const mine = firstServer();
    const body = { account: "namesake", asset: "USD", amount: "1" };
    const foreign = {
      ...stranger,
      accessKey: mine.accessKey,
      apiSecret: stranger.apiSecret,
    };
    expect((await callWithKey(foreign, "grants", body)).status).toBe(403);
    expect(await wallets().status("refunds", { uid: "namesake-2", of: "skewed-2" })).toBe(200);
    expect(await theirs.status("refunds", { uid: "namesake-2", of: "skewed-2" })).toBe(404);
  } finally {
    await stranger.stop();
    await removeFolder(folder);
  }
});

test("the stored ledger holds every invariant, and the usage store holds what was paid", async () => {
  expect(await brokenInvariants(url(), orgId)).toEqual([]);
  await waitForRelay(url());
  for (const server of servers.splice(0)) await server.stop();
  const units = await meteredUnits(home(), { orgId, meterId: state.meterId });
  const metered = (code: string) => Number(units.get(wallets().idOf(code))?.toString());
  expect(metered("plain")).toBe(10);
  expect(metered("tiered")).toBe(1200);
  expect(metered("budgeted")).toBe(7);
  expect(metered("expiring")).toBe(4);
  expect(metered("twice")).toBe(10);
  expect(metered("later")).toBe(10);
});
