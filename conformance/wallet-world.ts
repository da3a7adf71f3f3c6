import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll } from "vitest";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "@turnpike/server/adapters/postgres/embedded.ts";
import { Wallets } from "./authorization-client.ts";
import { BillingWorld } from "./billing-world.ts";
import { newFolder, removeFolder, type ServerProcess, sharedKeys, startServer } from "./server.ts";

/** What the tests of a file share: it is there once they run, and gone after them. */

const present = <One>(one: One | undefined): One => {
  if (one === undefined) throw new Error("not started");
  return one;
};

/** A database that outlives its servers; its URL. */
export const ownDatabase = (): (() => string) => {
  const state: { folder: string; postgres?: EmbeddedPostgres } = { folder: "" };
  beforeAll(async () => {
    state.folder = await newFolder();
    const folder = join(state.folder, "postgres");
    state.postgres = await startEmbeddedPostgres(folder, pino({ level: "error" }));
  });
  afterAll(async () => {
    await state.postgres?.stop();
    await removeFolder(state.folder);
  });
  return () => present(state.postgres).url;
};

/** A server with an organization whose wallets hold US dollars. */
export const walletWorld = (
  settings: () => Readonly<Record<string, string>> = () => ({}),
): {
  readonly world: () => BillingWorld;
  readonly wallets: () => Wallets;
  readonly restart: () => Promise<void>;
} => {
  const state: { world?: BillingWorld; wallets?: Wallets } = {};
  beforeAll(async () => {
    state.world = await BillingWorld.open(settings());
    state.wallets = await Wallets.open(state.world.server);
    await state.wallets.asset("USD", 6);
  });
  afterAll(() => state.world?.close());
  const world = () => present(state.world);
  const wallets = () => present(state.wallets);
  const restart = async (): Promise<void> => {
    await world().restart();
    await wallets().reconnect(world().server);
  };
  return { world, wallets, restart };
};

/** Two servers on one database, each with a data directory of its own, and the keys of their one organization. */
export const serverPair = (
  url: () => string,
): {
  readonly servers: ServerProcess[];
  readonly first: () => ServerProcess;
  readonly folders: () => readonly string[];
  readonly orgId: string;
} => {
  const servers: ServerProcess[] = [];
  const state: { folder: string } = { folder: "" };
  const folders = () => ["first", "second"].map((name) => join(state.folder, name));
  beforeAll(async () => {
    state.folder = await newFolder();
    for (const folder of folders()) {
      await mkdir(folder);
      servers.push(await startServer(folder, { ...sharedKeys, DATABASE_URL: url() }));
    }
  });
  afterAll(async () => {
    for (const server of servers) await server.stop();
    await removeFolder(state.folder);
  });
  return { servers, first: () => present(servers[0]), folders, orgId: sharedKeys.TURNPIKE_ORG_ID };
};
