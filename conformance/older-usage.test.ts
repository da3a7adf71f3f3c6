import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Wallets } from "./authorization-client.ts";
import { turnpike } from "./command-line.ts";
import { inspect } from "./ledger-inspection.ts";
import { newFolder, removeFolder, type ServerProcess, sharedKeys, startServer } from "./server.ts";
import { ownDatabase } from "./wallet-world.ts";

const url = ownDatabase();
const state: { folder: string; server?: ServerProcess } = { folder: "" };
beforeAll(async () => {
  state.folder = await newFolder();
});
afterAll(async () => {
  await state.server?.stop();
  await removeFolder(state.folder);
});

const settings = () => ({ ...sharedKeys, DATABASE_URL: url() });
const start = async (): Promise<Wallets> => {
  state.server = await startServer(state.folder, settings());
  return Wallets.open(state.server);
};
const stop = () => state.server?.stop();

const usageName = "usage.duckdb.journal";
const keep = (name: string) =>
  cp(join(state.folder, "data", usageName), join(state.folder, name), { recursive: true });
/** DuckDB's file is made again from the journal. */
const restore = async (name: string): Promise<void> => {
  const data = join(state.folder, "data");
  for (const file of [usageName, "usage.duckdb", "usage.duckdb.wal"])
    await rm(join(data, file), { recursive: true, force: true });
  await cp(join(state.folder, name), join(data, usageName), { recursive: true });
};

const meter = async (wallets: Wallets, uid: string): Promise<void> => {
  const ts = "2025-05-15T12:00:00Z";
  const sent = { uid, meter: "calls", account: "a", ts, measure: { units: 1 } };
  await wallets.post("measurements", { measurements: [sent] });
};

const heard = (): Promise<number> =>
  inspect(url(), async (pool) => {
    const { rows } = await pool.query<{ mark: string }>("SELECT mark FROM usage_store");
    return Number.parseInt(rows[0]?.mark ?? "0", 10);
  });

test("a server does not start on usage that is older than its database, unless the rest is given up", async () => {
  const wallets = await start();
  await wallets.meter("calls");
  await wallets.account("a");
  await meter(wallets, "one");
  await expect.poll(heard, { timeout: 10_000 }).toBe(1);
  await stop();
  await keep("older");

  await meter(await start(), "two");
  await expect.poll(heard, { timeout: 10_000 }).toBe(2);
  await stop();
  await keep("newer");

  await restore("older");
  await expect(start()).rejects.toThrow("older than the database, which has heard of batch 2");
  await restore("newer");
  await start();
  await stop();

  await restore("older");
  const directory = { ...settings(), TURNPIKE_DATA_DIR: join(state.folder, "data") };
  const { stderr, code } = await turnpike(directory, "usage", "adopt");
  expect([stderr, code]).toEqual(["", 0]);
  await meter(await start(), "two");
}, 180_000);
