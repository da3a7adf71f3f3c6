import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "pg";
import { expect, test } from "vitest";
import { Decimal, decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import { Wallets } from "./authorization-client.ts";
import { BillingWorld } from "./billing-world.ts";
import { brokenInvariants, meteredUnits, waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import {
  brokenAtTheEnd,
  exceededLimits,
  exceededRate,
  outOfOrder,
  settledUnits,
} from "./random-checks.ts";
import { randomFrom } from "./random-operations.ts";
import { runRandomly, watch } from "./random-run.ts";
import {
  bands,
  countings,
  openAccounts,
  type RandomWorld,
  rate,
  setLimits,
} from "./random-world.ts";
import { ownDatabase, serverPair } from "./wallet-world.ts";

/** Operations of the run: a few hundred show that it works; a nightly run has a hundred thousand. */
const operations = Number(process.env["TURNPIKE_RANDOM_OPERATIONS"] ?? 800);
const seed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const clientCount = 16;

const accounts = [
  "plain",
  "owing",
  "graduated",
  "other",
  "topped",
  "shared",
  "several",
  "counted",
  "child-a",
  "child-b",
];
const graduated = { cumulative: true, pricingBands: bands };

const url = ownDatabase();
const { servers, first, home, orgId } = serverPair(url);
/** Of the random month, which has a server to itself. */
const monthUrl = ownDatabase();

const furnish = async (wallets: Wallets): Promise<RandomWorld> => {
  const plans = { graduated, several: graduated, counted: graduated, family: graduated };
  const world = await openAccounts(wallets, accounts, { plans, funds: "20" });
  for (const account of accounts) await wallets.grant(account, "40", { asset: "TOK" });
  await wallets.setWallet("owing", { mode: "hard", debtLimit: "5" });
  await setLimits(wallets);
  return world;
};

/** What the usage store of the stopped servers holds, as `settledUnits` names it. */
const metered = async ({ meterIds, setting }: RandomWorld): Promise<Map<string, string>> => {
  const codes = new Map(accounts.map((code) => [setting.idOf(code), code]));
  const asked = [...meterIds].flatMap(([meter, meterId]) =>
    (countings[meter] ?? []).map((method) => ({ meter, meterId, method })),
  );
  const found: [string, Decimal][] = [];
  // One after the other: the store is opened by one at a time.
  for (const { meter, meterId, method } of asked) {
    const units = await meteredUnits(home(), { orgId, meterId, method });
    for (const [id, quantity] of units)
      found.push([`${codes.get(id)} ${meter} ${method}`, quantity]);
  }
  return textsOf(new Map(found));
};

/** Without those of which nothing is left. */
const textsOf = (quantities: ReadonlyMap<string, Decimal>): Map<string, string> =>
  new Map(
    [...quantities]
      .map(([name, quantity]): [string, string] => [name, quantity.toString()])
      .filter(([, quantity]) => quantity !== "0")
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );

test(
  `${operations} random operations of ${clientCount} clients at two servers keep every invariant`,
  async () => {
    const wallets = await Wallets.open(first());
    const world = await furnish(wallets);
    // What the other server remembers of plans and limits is forgotten.
    await delay(5_500);
    const run = { pool: new Pool({ connectionString: url(), max: 4 }), orgId };
    const watched = watch(async () => {
      expect(await exceededLimits(run)).toEqual([]);
      expect(await brokenInvariants(url(), orgId)).toEqual([]);
    });
    const seen = await runRandomly({
      servers,
      setting: world.setting,
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
    await waitForVoids(url());
    expect(await brokenInvariants(url(), orgId)).toEqual([]);
    const settled = await settledUnits(run, world);
    await run.pool.end();
    for (const server of servers.splice(0)) await server.stop();
    expect(await metered(world)).toEqual(textsOf(settled));
  },
  120_000 + operations * 100,
);

test(
  "the bill of a random month says what its wallets paid, to the atom (I19)",
  async () => {
    const world = await BillingWorld.open({ DATABASE_URL: monthUrl() });
    try {
      const wallets = await Wallets.open(world.server);
      const volume = { ...graduated, cumulative: false };
      const plans = { graduated, volume, several: graduated, counted: graduated };
      const buyers = Object.keys(plans);
      const { setting } = await openAccounts(wallets, buyers, { plans, funds: "30" });
      const day = randomFrom(seed);
      await runRandomly({
        servers: [world.server],
        setting: {
          ...setting,
          ts: () => `2025-05-${String(1 + day(31)).padStart(2, "0")}T12:00:00Z`,
        },
        clientCount,
        operationsEach: Math.ceil(operations / clientCount / 4),
        seed,
      });
      const pool = new Pool({ connectionString: monthUrl(), max: 2 });
      await waitForHolds(pool);
      await waitForVoids(monthUrl());
      for (const account of buyers) {
        const lines = await world.lines(wallets.idOf(account), "2025-06-01");
        const meter = setting.meterOf(account);
        const paid = await paidLines(pool, { orgId: world.server.orgId, account, meter });
        expect([account, ...totalsOf(lines)]).toEqual([account, ...paid]);
      }
      await pool.end();
    } finally {
      await world.close();
    }
  },
  120_000 + operations * 100,
);

/** Lines of one type as one. */
const totalsOf = (lines: readonly string[]): string[] =>
  [...Map.groupBy(lines, (line) => line.slice(0, line.indexOf(" ")))].map(([type, own]) => {
    const amounts = own.map((line) => decimal(line.slice(type.length + 1)));
    return `${type} ${sum(amounts).toString()}`;
  });

/** The bill that follows from what the ledger says was paid, and left unpaid, for the month. */
const paidLines = async (
  pool: Pool,
  {
    orgId: owner,
    account,
    meter,
  }: { readonly orgId: string; readonly account: string; readonly meter: string },
): Promise<string[]> => {
  const { rows } = await pool.query<{ debited: string; shortfall: string }>(
    `SELECT sum(debited) AS debited, sum(shortfall) AS shortfall FROM usage_payment
     WHERE org_id = $1 AND account = $2 AND meter = $5
       AND occurred_at >= $3 AND occurred_at < $4`,
    [owner, account, Date.parse("2025-05-01T00:00:00Z"), Date.parse("2025-06-01T00:00:00Z"), meter],
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
