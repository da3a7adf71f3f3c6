import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { Pool } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "@turnpike/server/adapters/postgres/embedded.ts";
import { Decimal } from "@turnpike/engine/exact/decimal.ts";
import { Wallets } from "./authorization-client.ts";
import { BillingWorld } from "./billing-world.ts";
import { brokenInvariants, meteredUnits, waitForRelay } from "./ledger-inspection.ts";
import {
  added,
  brokenAtTheEnd,
  exceededLimits,
  exceededRate,
  outOfOrder,
  settledUnits,
} from "./random-checks.ts";
import { randomFrom } from "./random-operations.ts";
import { runRandomly, watch } from "./random-run.ts";
import { newFolder, removeFolder, type ServerProcess, sharedSeal, startServer } from "./server.ts";

/** Operations of the run: a few hundred show that it works; a nightly run has a hundred thousand. */
const operations = Number(process.env["TURNPIKE_RANDOM_OPERATIONS"] ?? 800);
const seed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const clientCount = 16;

const keys = {
  TURNPIKE_ORG_ID: "22222222-2222-4333-8444-555555555555",
  TURNPIKE_ACCESS_KEY: "test-access-key",
  TURNPIKE_API_SECRET: "test-api-secret-that-is-long",
  ...sharedSeal,
};
const orgId = keys.TURNPIKE_ORG_ID;
const names = ["first", "second"];
const accounts = ["plain", "owing", "graduated", "other", "topped", "shared"];
const rate = { limit: 12, windowSeconds: 1, burst: 4 };

const state: {
  folder: string;
  postgres?: EmbeddedPostgres;
  servers: ServerProcess[];
} = { folder: "", servers: [] };
const url = (): string => state.postgres?.url ?? "";

/** Two servers on one database, each with a data directory of its own. */
beforeAll(async () => {
  state.folder = await newFolder();
  const folder = join(state.folder, "postgres");
  state.postgres = await startEmbeddedPostgres(folder, pino({ level: "error" }));
  for (const name of names) {
    await mkdir(join(state.folder, name));
    const settings = { ...keys, DATABASE_URL: url() };
    state.servers.push(await startServer(join(state.folder, name), settings));
  }
});
afterAll(async () => {
  for (const server of state.servers) await server.stop();
  await state.postgres?.stop();
  await removeFolder(state.folder);
});

const bands = [
  { lowerLimit: 0, unitPrice: 0.1, fixedPrice: 0 },
  { lowerLimit: 40, unitPrice: 0.07, fixedPrice: 0.5 },
];

/** Money, credits, plans of two kinds and limits of every kind, some of one account and some of all. */
const furnish = async (wallets: Wallets): Promise<string> => {
  await wallets.asset("USD", 6);
  const { client } = wallets;
  await client.create("assets", { code: "TOK", name: "Tokens", scale: 0, kind: "custom" });
  const since = { effectiveAt: "2020-01-01T00:00:00Z" };
  await client.create("assetrates", { from: "TOK", to: "USD", rate: "0.03", ...since });
  const { id: meterId } = await wallets.meter("calls");
  for (const account of accounts) {
    await wallets.account(account);
    await wallets.grant(account, "20");
    await wallets.grant(account, "40", { asset: "TOK" });
  }
  await wallets.plan("graduated", { cumulative: true, pricingBands: bands });
  await wallets.setWallet("owing", { mode: "hard", debtLimit: "5" });
  const budget = { asset: "USD", alerts: [50, 80, 100] };
  await client.create("budgets", {
    code: "bots",
    scope: { agent: "bot" },
    window: "lifetime",
    limit: "60",
    ...budget,
  });
  await client.create("budgets", {
    code: "soft",
    scope: {},
    window: { rolling: "PT3S" },
    limit: "9",
    mode: "soft",
    ...budget,
  });
  await client.create("ratelimits", { code: "busy", scope: { subject: "busy" }, ...rate });
  await client.create("concurrencylimits", {
    code: "plain",
    scope: { account: "plain" },
    limit: 2,
  });
  await client.create("concurrencylimits", { code: "bots", scope: { agent: "bot" }, limit: 5 });
  await client.create("autotopups", {
    code: "topped",
    account: "topped",
    asset: "USD",
    threshold: "15",
    creditAmount: "4",
    paymentMethod: "card",
    windowSeconds: 60,
    countMax: 1000,
  });
  return meterId;
};

test(
  `${operations} random operations of ${clientCount} clients at two servers keep every invariant`,
  async () => {
    const [first] = state.servers;
    if (first === undefined) throw new Error("no server");
    const wallets = await Wallets.open(first);
    const meterId = await furnish(wallets);
    // What the other server remembers of plans and limits is forgotten.
    await delay(5_500);
    const run = { pool: new Pool({ connectionString: url(), max: 4 }), orgId };
    const watched = watch(async () => {
      expect(await exceededLimits(run)).toEqual([]);
      expect(await brokenInvariants(url(), orgId)).toEqual([]);
    });
    const seen = await runRandomly({
      servers: state.servers,
      setting: { accounts, planned: new Set(["graduated"]), idOf: (code) => wallets.idOf(code) },
      clientCount,
      operationsEach: Math.ceil(operations / clientCount),
      seed,
    });
    await watched.stop();
    expect(await brokenAtTheEnd(run)).toEqual([]);
    const windowMs = rate.windowSeconds * 1000;
    expect(await exceededRate(run, seen, { most: rate.limit + rate.burst, windowMs })).toEqual([]);
    expect(await outOfOrder(run, seen)).toEqual([]);
    // What is open still ends by itself, and is metered then.
    await waitForHolds(run.pool);
    await waitForRelay(url());
    expect(await brokenInvariants(url(), orgId)).toEqual([]);
    const settled = await settledUnits(run);
    await run.pool.end();
    for (const server of state.servers.splice(0)) await server.stop();
    const stores = await Promise.all(
      names.map((name) => meteredUnits(join(state.folder, name), { orgId, meterId })),
    );
    const metered = added(stores.flatMap((store) => [...store]));
    for (const account of accounts)
      expect([account, metered.get(wallets.idOf(account))?.toString()]).toEqual([
        account,
        settled.get(account)?.toString(),
      ]);
  },
  120_000 + operations * 100,
);

test(
  "the bill of a random month says what its wallets paid, to the atom (I19)",
  async () => {
    const world = await BillingWorld.open({ DATABASE_URL: url(), ...sharedSeal });
    try {
      const wallets = await Wallets.open(world.server);
      await wallets.asset("USD", 6);
      const tokens = { code: "TOK", name: "Tokens", scale: 0, kind: "custom" };
      await wallets.client.create("assets", tokens);
      await wallets.meter("calls");
      const cumulative = { graduated: true, volume: false };
      for (const [account, isCumulative] of Object.entries(cumulative)) {
        await wallets.account(account);
        await wallets.grant(account, "30");
        await wallets.plan(account, { cumulative: isCumulative, pricingBands: bands });
      }
      const day = randomFrom(seed);
      await runRandomly({
        servers: [world.server],
        setting: {
          accounts: Object.keys(cumulative),
          planned: new Set(Object.keys(cumulative)),
          idOf: (code) => wallets.idOf(code),
          ts: () => `2025-05-${String(1 + day(31)).padStart(2, "0")}T12:00:00Z`,
        },
        clientCount,
        operationsEach: Math.ceil(operations / clientCount / 4),
        seed,
      });
      const pool = new Pool({ connectionString: url(), max: 2 });
      await waitForHolds(pool);
      for (const account of Object.keys(cumulative)) {
        const lines = await world.lines(wallets.idOf(account), "2025-06-01");
        expect(lines).toEqual(await paidLines(pool, { orgId: world.server.orgId, account }));
      }
      await pool.end();
    } finally {
      await world.close();
    }
  },
  120_000 + operations * 100,
);

/** The bill that follows from what the ledger says was paid, and left unpaid, for the month. */
const paidLines = async (
  pool: Pool,
  { orgId: owner, account }: { readonly orgId: string; readonly account: string },
): Promise<string[]> => {
  const { rows } = await pool.query<{ debited: string; shortfall: string }>(
    `SELECT sum(debited) AS debited, sum(shortfall) AS shortfall FROM usage_payment
     WHERE org_id = $1 AND account = $2 AND meter = 'calls'
       AND occurred_at >= $3 AND occurred_at < $4`,
    [owner, account, Date.parse("2025-05-01T00:00:00Z"), Date.parse("2025-06-01T00:00:00Z")],
  );
  const debited = new Decimal(BigInt(rows[0]?.debited ?? 0), 6);
  const shortfall = new Decimal(BigInt(rows[0]?.shortfall ?? 0), 6);
  const usage = inCents(debited.plus(shortfall));
  const paid = inCents(debited);
  return [
    `USAGE ${usage.toString()}`,
    `BALANCE_CONSUMED -${paid.toString()}`,
    `TOTAL ${usage.minus(paid).toString()}`,
  ];
};

const inCents = (amount: Decimal): Decimal => amount.round(2, "HALF_UP") ?? amount;

const waitForHolds = async (pool: Pool): Promise<void> => {
  for (let tries = 0; tries < 100; tries += 1) {
    const text = "SELECT count(*) FROM ledger_authorization WHERE state = 'HELD'";
    const { rows } = await pool.query<{ count: string }>(text);
    if (rows[0]?.count === "0") return;
    await delay(1_000);
  }
  throw new Error("holds stay open");
};
