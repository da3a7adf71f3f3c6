import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { Wallets } from "./authorization-client.ts";
import { type Client, connect } from "./client.ts";
import { inspect } from "./ledger-inspection.ts";
import { ownDatabase, serverPair } from "./wallet-world.ts";

/** Two servers on one database: what one changes in the catalog counts at the other, which remembers it. */
const databaseUrl = ownDatabase();
const { servers } = serverPair(databaseUrl);
const clients: Client[] = [];

const present = <One>(one: One | undefined): One => {
  if (one === undefined) throw new Error("no server");
  return one;
};

const client = (nth: number): Client => present(clients[nth]);

beforeAll(async () => {
  for (const server of servers) clients.push(await connect(server));
});

const onDatabase = (statement: string) =>
  inspect(databaseUrl(), async (pool) => (await pool.query(statement)).rows);

/** Ends every connection that listens for news; how many there were. */
const endListening = async (): Promise<number> =>
  (
    await onDatabase(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN turnpike_catalog%'",
    )
  ).length;

const meterOf = (calculation: string) => ({
  name: "Calls",
  code: "calls",
  dataFields: [{ category: "MEASURE", code: "n", name: "N", unit: "1" }],
  derivedFields: [{ category: "COST", code: "cost", name: "Cost", unit: "1", calculation }],
});

const costs = z.object({ data: z.tuple([z.object({ "calls.cost.SUM": z.number() })]) });

/** The cost that the first server, which keeps usage, derives for one call. */
const costNow = async (meterId: string): Promise<number> => {
  const account = `a${crypto.randomUUID()}`;
  const sent = { uid: account, meter: "calls", account, ts: "2025-05-10T00:00:00Z" };
  const body = { measurements: [{ ...sent, measure: { n: 1 } }] };
  expect((await client(0).call("POST", "measurements", body)).status).toBe(200);
  const { data } = await client(0).list(`accounts?codes=${account}`);
  const answer = await client(0).call("POST", "usage/query", {
    startDate: "2025-05-01T00:00:00Z",
    endDate: "2025-06-01T00:00:00Z",
    accountIds: data.map(({ id }) => id),
    aggregations: [{ meterId, fieldCode: "cost", fieldType: "MEASURE", function: "SUM" }],
  });
  return costs.parse(answer.body).data[0]["calls.cost.SUM"];
};

const soon = async (meterId: string, cost: number): Promise<void> => {
  const deadline = Date.now() + 10_000;
  while ((await costNow(meterId)) !== cost && Date.now() < deadline) await delay(50);
  expect(await costNow(meterId)).toBe(cost);
};

test("a meter's formula that one server changes counts at the other, also after its connection was lost", async () => {
  const { id } = await client(1).create("meters", meterOf("n * 2"));
  await soon(id, 2);
  await client(1).put(`meters/${id}`, { ...meterOf("n * 3"), version: 1 });
  await soon(id, 3);

  expect(await endListening()).toBe(2);
  await client(1).put(`meters/${id}`, { ...meterOf("n * 4"), version: 2 });
  await soon(id, 4);
});

const startDate = "2025-01-01T00:00:00Z";

/** A call of the account costs so much, asked of the server that has just changed it at once, and soon of the other. */
const expectPrices = async (
  [changed, other]: readonly [Wallets, Wallets],
  prices: Readonly<Record<string, string>>,
): Promise<void> => {
  const priceAt = async (asked: Wallets, account: string): Promise<string> => {
    const uid = crypto.randomUUID();
    return (
      await asked.authorize({ uid, account, meter: "units", mode: "check", measure: { units: 1 } })
    ).amount;
  };
  for (const [account, price] of Object.entries(prices)) {
    expect(await priceAt(changed, account)).toBe(price);
    const deadline = Date.now() + 10_000;
    while ((await priceAt(other, account)) !== price && Date.now() < deadline) await delay(20);
    expect(await priceAt(other, account)).toBe(price);
  }
};

test("what a change of one account's records says of its calls and its children's, and of no other's, is known at both", async () => {
  const first = new Wallets(client(0));
  const second = new Wallets(client(1));
  await first.asset("USD", 2);
  await first.meter("units");
  const planAt = async (name: string, unitPrice: number): Promise<string> => {
    const planId = await first.openPlan(name);
    const counts = { meter: "units", aggregation: "SUM", unit: "unit" } as const;
    const pricingBands = [{ lowerLimit: 0, fixedPrice: 0, unitPrice }];
    await first.price(planId, counts, { pricingBands });
    return planId;
  };
  for (const [code, parent] of [["parent"], ["child", "parent"], ["other"], ["shop"], ["store"]])
    await first.account(code ?? "", parent);
  await planAt("parent", 1);
  await planAt("other", 10);
  for (const code of ["parent", "child", "other"]) await first.grant(code, "100");
  const [further, own] = [await planAt("shop", 2), await planAt("store", 4)];
  await expectPrices([first, second], { parent: "1", child: "1", other: "10" });

  const parentId = first.idOf("parent");
  await client(1).create("accountplans", { accountId: parentId, planId: further, startDate });
  await expectPrices([second, first], { parent: "3", child: "3", other: "10" });

  const childId = first.idOf("child");
  await client(0).create("accountplans", { accountId: childId, planId: own, startDate });
  await expectPrices([first, second], { parent: "3", child: "7", other: "10" });

  const orphan = { code: "child", name: "child", emailAddress: "child@example.com", version: 1 };
  await client(1).put(`accounts/${childId}`, orphan);
  await expectPrices([second, first], { parent: "3", child: "4", other: "10" });
});

test("what limits one account, or all, counts at both servers as soon as one has changed it", async () => {
  const both = [new Wallets(client(0)), new Wallets(client(1))] as const;
  const [first, second] = both;
  await first.asset("EUR", 2);
  await first.meter("limited");
  for (const code of ["narrow", "wide"]) {
    await first.account(code);
    await first.grant(code, "100", { asset: "EUR" });
  }
  const asked = { meter: "limited", mode: "check", amount: "5", asset: "EUR" };
  const reasonAt = async (server: Wallets, account: string): Promise<string | undefined> =>
    (await server.authorize({ uid: crypto.randomUUID(), account, ...asked })).reasons[0]?.code;
  const expectReasons = async (
    [changed, other]: readonly [Wallets, Wallets],
    reasons: Readonly<Record<string, string | undefined>>,
  ): Promise<void> => {
    for (const [account, reason] of Object.entries(reasons)) {
      expect(await reasonAt(changed, account)).toBe(reason);
      const deadline = Date.now() + 10_000;
      while ((await reasonAt(other, account)) !== reason && Date.now() < deadline) await delay(20);
      expect(await reasonAt(other, account)).toBe(reason);
    }
  };
  const refused = "BUDGET_EXCEEDED";
  await expectReasons([first, second], { narrow: undefined, wide: undefined });

  const limit = { asset: "EUR", window: "day", limit: "4" };
  const own = { code: "own", scope: { account: "narrow" }, ...limit };
  const { id } = await client(0).create("budgets", own);
  await expectReasons([first, second], { narrow: refused, wide: undefined });

  await client(1).put(`budgets/${id}`, { ...own, scope: { account: "wide" }, version: 1 });
  await expectReasons([second, first], { narrow: undefined, wide: refused });

  await client(1).put(`budgets/${id}`, { ...own, scope: {}, version: 2 });
  await expectReasons([second, first], { narrow: refused, wide: refused });

  await client(0).call("DELETE", `budgets/${id}`);
  await expectReasons([first, second], { narrow: undefined, wide: undefined });
});

/** As on a database whose standby is gone: what is committed stands, and whoever did it never hears so. */
const withoutAnswers = async (work: () => Promise<void>): Promise<void> => {
  const standby = async (names: string): Promise<void> => {
    await onDatabase(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await onDatabase("SELECT pg_reload_conf()");
  };
  const state = { isDone: false };
  const working = async (): Promise<void> => {
    try {
      await work();
    } finally {
      state.isDone = true;
    }
  };
  const ending = async (): Promise<void> => {
    while (!state.isDone) {
      await onDatabase(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
      );
      await delay(20);
    }
  };
  await standby("gone");
  try {
    await Promise.all([working(), ending()]);
  } finally {
    await standby("");
  }
};

test("a change counts at the server that made it also where it never heard that it was committed", async () => {
  const wallets = await Wallets.open(present(servers[1]));
  await wallets.meter("requests");
  await wallets.account("payer");
  await wallets.grant("payer", "100");
  const planId = await wallets.openPlan("payer");
  const counts = { meter: "requests", aggregation: "SUM", unit: "unit" } as const;
  const bands = (unitPrice: number) => [{ lowerLimit: 0, fixedPrice: 0, unitPrice }];
  const id = await wallets.price(planId, counts, { cumulative: true, pricingBands: bands(1) });
  const asked = { account: "payer", meter: "requests", mode: "check", measure: { units: 1 } };
  const priceNow = async () => (await wallets.authorize({ uid: "asked", ...asked })).amount;
  expect(await priceNow()).toBe("1");

  const next = { ...(await wallets.client.get(`pricings/${id}`)), pricingBands: bands(2) };
  await withoutAnswers(async () => {
    expect((await wallets.client.call("PUT", `pricings/${id}`, next)).status).not.toBe(200);
  });
  expect((await wallets.client.get(`pricings/${id}`)).version).toBe(2);
  const deadline = Date.now() + 10_000;
  while ((await priceNow()) !== "2" && Date.now() < deadline) await delay(50);
  expect(await priceNow()).toBe("2");
});
