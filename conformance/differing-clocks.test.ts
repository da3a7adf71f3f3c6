import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Wallets } from "./authorization-client.ts";
import { brokenInvariants, meteredUnits, waitForRelay } from "./ledger-inspection.ts";
import { newFolder, removeFolder, type ServerProcess, sharedKeys, startServer } from "./server.ts";
import { ownDatabase } from "./wallet-world.ts";

const aheadMs = 360_000;
/** Of every thread of the process. */
const aheadClock = `const at=Date.now;Date.now=()=>at()+${aheadMs}`;
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

test("usage that a server decides whose clock is minutes ahead is metered by one whose clock is right", async () => {
  const [right, ahead] = [at(0), at(1)];
  await right.asset("USD", 6);
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
