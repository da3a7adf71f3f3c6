import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Wallets } from "./authorization-client.ts";
import { brokenInvariants, meteredUnits, waitForRelay } from "./ledger-inspection.ts";
import { newFolder, removeFolder, type ServerProcess, sharedKeys, startServer } from "./server.ts";
import { ownDatabase } from "./wallet-world.ts";

const aheadMs = 360_000;
/** Of every thread of the process, however it asks for the time. */
const aheadClock = `
  const now = () => performance.timeOrigin + performance.now() + ${aheadMs};
  const construct = (date, given, target) =>
    Reflect.construct(date, given.length === 0 ? [now()] : given, target);
  Date.now = () => Math.floor(now());
  globalThis.Date = new Proxy(Date, { construct });
`;
const url = ownDatabase();
const state: { folder: string; servers: ServerProcess[] } = { folder: "", servers: [] };
const wallets: Wallets[] = [];
const folderOf = (name: string): string => join(state.folder, name);

beforeAll(async () => {
  state.folder = await newFolder();
  const settings = { ...sharedKeys, DATABASE_URL: url() };
  const ahead = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(aheadClock)}` };
  for (const [name, clock] of [
    ["right", {}],
    ["ahead", ahead],
  ] as const) {
    await mkdir(folderOf(name));
    const server = await startServer(folderOf(name), { ...settings, ...clock });
    state.servers.push(server);
    wallets.push(await Wallets.open(server));
  }
  await at(0).asset("USD", 6);
});
afterAll(async () => {
  for (const server of state.servers) await server.stop();
  await removeFolder(state.folder);
});

const at = (nth: number): Wallets => {
  const found = wallets[nth];
  if (found === undefined) throw new Error("no server");
  return found;
};

test("what a server decides whose clock is ahead may be amended before that time has come", async () => {
  const [right, ahead] = [at(0), at(1)];
  await right.meter("requests");
  await right.account("amended");
  await right.grant("amended", "100");
  const pricing = { pricingBands: [{ lowerLimit: 0, fixedPrice: 0, unitPrice: 1 }] };
  await right.plan("amended", pricing, "requests");
  const call = { uid: "wrong", account: "amended", meter: "requests", measure: { units: 2 } };
  expect(await ahead.authorize(call)).toMatchObject({ decision: "allow", amount: "2" });
  await waitForRelay(url());
  const amend = (measurement: object) =>
    right.post("measurements/wrong/amend", { reason: "it was wrong", measurement });
  await amend({ measure: { units: 5 } });
  expect(await right.wallet("amended")).toMatchObject({ balance: "95" });
  const later = new Date(Date.now() + 2 * aheadMs).toISOString();
  await expect(amend({ measure: { units: 5 }, ts: later })).rejects.toThrow("in the future");
});

test("what a budget has used is said by every server of the window that decides", async () => {
  const [right, ahead] = [at(0), at(1)];
  await right.meter("tokens");
  await right.account("limited");
  await right.grant("limited", "100");
  const limit = { scope: { account: "limited" }, asset: "USD", limit: "2" };
  const window = { rolling: "PT1M" };
  const { id } = await right.client.create("budgets", { code: "own", window, ...limit });
  for (const [nth, decision] of ["allow", "allow", "deny"].entries())
    expect(await ahead.charge("limited", `call${nth}`, "1", { meter: "tokens" })).toMatchObject({
      decision,
    });
  for (const { client } of [right, ahead])
    expect(await client.get(`budgets/${id}`)).toMatchObject({ used: "2" });
});

test("a grant that is used up stands at every server until its end has come where it is decided", async () => {
  const [right, ahead] = [at(0), at(1)];
  await right.meter("words");
  await right.account("granted");
  const expiresAt = new Date(Date.now() + aheadMs / 2).toISOString();
  await right.grant("granted", "1", { id: "spent", expiresAt });
  expect(await ahead.charge("granted", "spending", "1", { meter: "words" })).toMatchObject({
    decision: "allow",
  });
  const standing = { state: "active", remaining: "0" };
  for (const { client } of [right, ahead]) {
    const read = async (path: string) => (await client.call("GET", path)).body;
    expect(await read("grants/spent")).toMatchObject(standing);
    expect(await read("grants?account=granted")).toMatchObject({ data: [standing] });
  }
});

test("usage that a server decides whose clock is minutes ahead is metered by one whose clock is right", async () => {
  const [right, ahead] = [at(0), at(1)];
  const meterId = (await right.meter("calls")).id;
  await right.account("payer");
  await right.grant("payer", "100");
  const call = { account: "payer", amount: "1", asset: "USD", measure: { units: 1 } };
  const soon = new Date(Date.now() + aheadMs + 200_000).toISOString();
  for (const [uid, more] of [
    ["now", {}],
    ["soon", { ts: soon }],
  ] as const)
    expect(await ahead.authorize({ uid, ...call, ...more })).toMatchObject({ decision: "allow" });
  expect(await right.authorize({ uid: "right", ...call })).toMatchObject({ decision: "allow" });
  await waitForRelay(url());
  await right.hold("payer", "held", "1", { ttlSeconds: 60 });
  const settled = ahead.settle("held", "1", { final: true, measure: { units: 1 } });
  expect(await settled).toMatchObject({ state: "SETTLED" });
  await waitForRelay(url());
  for (const server of state.servers.splice(0)) await server.stop();
  const orgId = sharedKeys.TURNPIKE_ORG_ID;
  const metered = await meteredUnits(folderOf("right"), { orgId, meterId });
  expect(metered.get(right.idOf("payer"))?.toString()).toBe("4");
  expect(await brokenInvariants(url(), orgId)).toEqual([]);
}, 120_000);
