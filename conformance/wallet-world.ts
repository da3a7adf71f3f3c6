import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll } from "vitest";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "@turnpike/server/adapters/postgres/embedded.ts";
import { type Authorized, Wallets } from "./authorization-client.ts";
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

/** One of the prices of a plan, by an aggregation of the plan's own meter. */
interface Sold {
  readonly bands: Bands;
  /** Beside a sum of the meter's `amount`. */
  readonly counts?: object;
  /** Beside a debit from 2024 on. */
  readonly pricing?: object;
  /** Further prices of the same aggregation, as those of its other segments. */
  readonly also?: readonly Pick<Sold, "bands" | "pricing">[];
}

export type Bands = Parameters<BillingWorld["price"]>[1];

interface Terms {
  readonly name?: string;
  /** None where it has no wallet yet. */
  readonly funds?: string | undefined;
  readonly granted?: object;
  readonly template?: object;
  readonly attachment?: object;
}

/** An account with funds, unless it has none yet, and a plan for one meter. */
interface Payer {
  readonly id: string;
  readonly code: string;
  readonly meter: { readonly id: string; readonly code: string };
  /** What it names something, as all accounts share uids. */
  readonly uidOf: (name: string) => string;
  /** A call of so many units, in May 2024. */
  readonly use: (name: string, amount: number, more?: object) => Promise<Authorized>;
  readonly balance: () => Promise<string>;
}

/** A server with an organization whose wallets hold US dollars. */
export const walletWorld = (
  settings: () => Readonly<Record<string, string>> = () => ({}),
): {
  readonly world: () => BillingWorld;
  readonly wallets: () => Wallets;
  readonly restart: () => Promise<void>;
  /** A product, a meter and a plan of these prices, and who has bought it. */
  readonly sell: (prices: readonly Sold[], terms?: Terms) => Promise<Payer>;
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
  const sell = async (prices: readonly Sold[], terms: Terms = {}): Promise<Payer> => {
    const { name = "payer", granted = {}, template = {}, attachment = {} } = terms;
    const { funds } = { funds: "100", ...terms };
    const productId = await world().product();
    const meter = await world().meter(productId);
    const plan = await world().plan(productId, { ...template });
    for (const { counts = {}, also = [], ...first } of prices) {
      const aggregationId = await world().aggregation(meter.id, { ...counts });
      const owner = { planId: plan.id, aggregationId };
      for (const { bands, pricing = {} } of [first, ...also])
        await world().price(owner, bands, { ...pricing });
    }
    const code = world().fresh(name);
    const id = await wallets().account(code);
    await world().attach(id, plan.id, { ...attachment });
    if (funds !== undefined) await wallets().grant(code, funds, { ...granted });
    const uidOf = (own: string): string => `${code}-${own}`;
    const call = { account: code, meter: meter.code, ts: "2024-05-15T12:00:00Z" };
    return {
      id,
      code,
      meter,
      uidOf,
      use: (own, amount, more = {}) =>
        wallets().authorize({ uid: uidOf(own), ...call, measure: { amount }, ...more }),
      balance: async () => (await wallets().wallet(code)).balance,
    };
  };
  return { world, wallets, restart, sell };
};

/**
 * Two servers on one database, each with a data directory of its own, and the keys of their one organization. Both decide;
 * the first keeps usage.
 */
export const serverPair = (
  url: () => string,
): {
  readonly servers: ServerProcess[];
  readonly first: () => ServerProcess;
  readonly folders: () => readonly string[];
  /** Where usage is kept. */
  readonly home: () => string;
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
  return {
    servers,
    first: () => present(servers[0]),
    folders,
    home: () => present(folders()[0]),
    orgId: sharedKeys.TURNPIKE_ORG_ID,
  };
};
