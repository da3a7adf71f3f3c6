import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Wallets } from "./authorization-client.ts";
import { brokenInvariants, inspect, meteredUnits, waitForRelay } from "./ledger-inspection.ts";
import { newFolder, removeFolder, type ServerProcess, sharedKeys, startServer } from "./server.ts";
import { ownDatabase } from "./wallet-world.ts";

const callCount = 300;
const url = ownDatabase();
const state: { folder: string; server?: ServerProcess } = { folder: "" };
beforeAll(async () => {
  state.folder = await newFolder();
});
afterAll(async () => {
  await state.server?.stop();
  await removeFolder(state.folder);
});

const databaseUrl = (name: string): string => {
  const named = new URL(url());
  named.pathname = name;
  return named.href;
};

/** As a dump that is restored: nobody is connected to what is copied. */
const copyDatabase = async (name: string): Promise<void> => {
  const client = new Client({ connectionString: databaseUrl("template1") });
  await client.connect();
  await client.query(`CREATE DATABASE ${name} TEMPLATE postgres`);
  await client.end();
};

const start = async (database: string): Promise<Wallets> => {
  const settings = { ...sharedKeys, DATABASE_URL: databaseUrl(database) };
  state.server = await startServer(state.folder, settings);
  return Wallets.open(state.server);
};

const stop = async (database: string): Promise<void> => {
  await waitForRelay(databaseUrl(database));
  await state.server?.stop();
};

const heard = (): Promise<number> =>
  inspect(url(), async (pool) => {
    const { rows } = await pool.query<{ mark: string }>("SELECT mark FROM usage_store");
    return Number.parseInt(rows[0]?.mark ?? "0", 10);
  });

const call = (account: string, uid: string, units = 1) => ({
  uid,
  account,
  meter: "calls",
  mode: "charge",
  amount: "0.01",
  asset: "USD",
  measure: { units },
});

const plain = (account: string, uid: string, units: number) => ({
  measurements: [
    { uid, account, meter: "calls", ts: new Date().toISOString(), measure: { units } },
  ],
});

const work = async (wallets: Wallets): Promise<void> => {
  const authorizations = Array.from({ length: callCount }, (_, nth) => call("calling", `${nth}`));
  await wallets.post("authorizations/batch", { authorizations });
  await wallets.authorize({ ...call("holding", "held", 8), mode: "hold", amount: "8" });
  for (const [sequence, final] of [
    [1, false],
    [2, true],
  ] as const)
    await wallets.act("held", "settle", { sequence, final, amount: "3", measure: { units: 3 } });
};

test("what is asked again after an older dump was restored is metered once, what else has its uid counts too", async () => {
  const before = await start("postgres");
  await before.asset("USD", 6);
  const meterId = (await before.meter("calls")).id;
  for (const code of ["calling", "holding", "early", "late"]) await before.account(code);
  for (const code of ["calling", "holding"]) await before.grant(code, "1000");
  await before.post("measurements", plain("early", "early", 1));
  await expect.poll(heard, { timeout: 10_000 }).toBe(1);
  await stop("postgres");
  await copyDatabase("dumped");

  const lost = await start("postgres");
  await work(lost);
  await lost.post("measurements", plain("late", "late", 5));
  await stop("postgres");

  await work(await start("dumped"));
  // The server is started again before all have asked.
  await stop("dumped");
  const after = await start("dumped");
  for (const code of ["early", "late"]) {
    await after.grant(code, "1");
    await after.authorize(call(code, code));
  }
  await stop("dumped");
  const orgId = sharedKeys.TURNPIKE_ORG_ID;
  const counted = async (method: "SUM" | "COUNT") => {
    const found = await meteredUnits(state.folder, { orgId, meterId, method });
    return ["calling", "holding", "early", "late"].map((code) =>
      found.get(before.idOf(code))?.toString(),
    );
  };
  expect(await counted("COUNT")).toEqual([String(callCount), "2", "2", "2"]);
  expect(await counted("SUM")).toEqual([String(callCount), "6", "2", "6"]);
  expect(await brokenInvariants(databaseUrl("dumped"), orgId)).toEqual([]);
}, 180_000);
