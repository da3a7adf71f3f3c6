import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { Wallets } from "./authorization-client.ts";
import { turnpike } from "./command-line.ts";
import {
  brokenInvariants,
  inspect,
  waitForRelay,
  waitForVoids,
  whileLocked,
} from "./ledger-inspection.ts";
import { sharedKeys, startServer } from "./server.ts";
import { ownDatabase, serverPair } from "./wallet-world.ts";

/** Two servers on one database: both decide, and one of them meters and bills what both have decided. */

const url = ownDatabase();
const { servers, first, folders, orgId } = serverPair(url);
const both: Wallets[] = [];
const [home, other] = [0, 1];
const slowMs = 120_000;
const patiently = { timeout: 10_000 };

beforeAll(async () => {
  for (const server of servers) both.push(await Wallets.open(server));
  await at(home).asset("USD", 6);
  await at(home).meter("calls");
});

const at = (nth: number): Wallets => {
  const found = both[nth % both.length];
  if (found === undefined) throw new Error("no server");
  return found;
};

const settings = () => ({ ...sharedKeys, DATABASE_URL: url() });

const start = async (nth: number): Promise<void> => {
  const server = await startServer(folders()[nth] ?? "", settings());
  servers[nth] = server;
  await at(nth).reconnect(server);
};

/** An account with 100 USD, for whom a call costs 1. */
const payer = async (account: string): Promise<void> => {
  await at(home).account(account);
  const pricingBands = [{ lowerLimit: 0, unitPrice: 1, fixedPrice: 0 }];
  await at(home).plan(account, { pricingBands, cumulative: true });
  await at(home).grant(account, "100");
};

const ts = "2025-05-15T12:00:00Z";
const call = (account: string, uid: string) => ({
  uid,
  account,
  meter: "calls",
  ts,
  measure: { units: 1 },
});

const balance = async (account: string): Promise<string> =>
  (await at(home).wallet(account)).balance;

const billDate = "2025-06-01";
const ask = async (nth: number, account: string): Promise<string> => {
  const accountIds = [at(home).idOf(account)];
  return (await at(nth).client.create("billjobs", { billDate, accountIds })).id;
};

const billJob = z.looseObject({ status: z.string() });
const made = z.looseObject({ billTotal: z.number(), lineItems: z.array(z.unknown()) });

/** What the usage on the bill came to, and what is left to pay of it. */
const billed = async (id: string, account: string): Promise<number> => {
  const { client } = at(other);
  for (;;) {
    const { body } = await client.call("GET", `billjobs/${id}`);
    if (billJob.parse(body).status === "COMPLETE") break;
    await delay(50);
  }
  const { data } = await client.list(`bills?accountId=${at(home).idOf(account)}`);
  const [bill, ...more] = data.map((one) => made.parse(one));
  expect(more).toEqual([]);
  expect(bill?.lineItems.length).toBeGreaterThan(0);
  return bill?.billTotal ?? Number.NaN;
};

const misdirected = { status: 421, body: { errorCode: "USAGE_ELSEWHERE" } };

test(
  "a bill that is asked for at either server counts the calls of both",
  async () => {
    await payer("pair");
    for (let nth = 0; nth < 40; nth += 1) await at(nth).authorize(call("pair", `pair-${nth}`));
    await waitForRelay(url());
    expect(await balance("pair")).toBe("60");
    for (const nth of [home, other, home, other]) {
      expect(await billed(await ask(nth, "pair"), "pair")).toBe(0);
      expect(await balance("pair"), `billed at server ${nth}`).toBe("60");
    }
  },
  slowMs,
);

test("what is refunded at the server that keeps no usage is not billed", async () => {
  await payer("refunded");
  for (const uid of ["refunded-1", "refunded-2", "refunded-3"])
    await at(other).authorize(call("refunded", uid));
  await at(other).post("refunds", { uid: "refunded-back", of: "refunded-2" });
  await waitForRelay(url());
  expect(await balance("refunded")).toBe("98");
  expect(await billed(await ask(other, "refunded"), "refunded")).toBe(0);
  expect(await balance("refunded")).toBe("98");
});

test("a measurement is voided where usage is kept, and nowhere else", async () => {
  await payer("voided");
  await at(other).authorize(call("voided", "voided-1"));
  await waitForRelay(url());
  const reason = { reason: "test" };
  const path = "measurements/voided-1/void";
  expect(await at(other).client.call("POST", path, reason)).toMatchObject(misdirected);
  expect(await balance("voided")).toBe("99");
  expect(await at(home).client.call("POST", path, reason)).toMatchObject({ status: 200 });
  expect(await balance("voided")).toBe("100");
});

test("where usage is elsewhere, tiers begin without what was used before, until the close", async () => {
  await at(home).account("early");
  const pricingBands = [
    { lowerLimit: 0, unitPrice: 1, fixedPrice: 0 },
    { lowerLimit: 10, unitPrice: 5, fixedPrice: 0 },
  ];
  await at(home).plan("early", { pricingBands, cumulative: true });
  const before = { ...call("early", "early-before"), measure: { units: 10 } };
  await at(home).post("measurements", { measurements: [before] });
  await at(home).grant("early", "100");
  expect(await at(other).authorize(call("early", "early-1"))).toMatchObject({ decision: "allow" });
  expect(await balance("early")).toBe("99");
  await waitForRelay(url());
  // 10 × 1 + 1 × 5
  expect(await billed(await ask(other, "early"), "early")).toBe(0);
  expect(await balance("early")).toBe("85");
});

const month = { startDate: "2025-05-01T00:00:00Z", endDate: "2025-06-01T00:00:00Z" };

test("whatever needs usage is refused where another server keeps it, and charges nobody", async () => {
  await payer("refused");
  await at(home).account("moneyless");
  const { client } = at(other);
  const backfill = await client.create("backfills", { name: "May again" });
  const measurements = (account: string) => ({ measurements: [call(account, `${account}-1`)] });
  const amendment = { reason: "test", measurement: { measure: { units: 2 } } };
  const previewed = { billDate, billingFrequency: "MONTHLY", billFrequencyInterval: 1 };
  const asked = [
    ["POST", "measurements", measurements("refused")],
    ["POST", "measurements", measurements("moneyless")],
    ["POST", "measurements/refused-1/amend", amendment],
    ["POST", "usage/query", month],
    ["GET", `backfills/${backfill.id}`, undefined],
    ["POST", `backfills/${backfill.id}/measurements`, measurements("moneyless")],
    ["POST", `backfills/${backfill.id}/reveal`, undefined],
    ["POST", "bills/preview", { ...previewed, accountIds: [at(home).idOf("pair")] }],
  ] as const;
  for (const [method, path, body] of asked)
    expect([path, await client.call(method, path, body)]).toEqual([
      path,
      expect.objectContaining({ status: 421 }),
    ]);
  expect(await balance("refused")).toBe("100");
  expect(await at(home).client.get(`backfills/${backfill.id}`)).toMatchObject({ status: "HIDDEN" });
  const sent = await at(home).client.call("POST", "measurements", measurements("refused"));
  expect(sent).toMatchObject({ status: 200 });
  expect(await balance("refused")).toBe("99");
});

const upload = z.object({ jobId: z.string(), url: z.string() });

test("a file is taken in where usage is kept", async () => {
  const text = JSON.stringify({ measurements: [call("moneyless", "from-a-file")] });
  const path = "fileuploads/measurements/generateUploadUrl";
  const file = { fileName: "f.json", contentType: "application/json", contentLength: text.length };
  const { jobId, url: link } = upload.parse(await at(other).post(path, file));
  const put = (to: string) => fetch(to, { method: "PUT", body: text });
  expect((await put(link)).status).toBe(421);
  const { origin } = new URL(first().url);
  expect((await put(link.replace(new URL(link).origin, origin))).status).toBe(200);
  const job = `fileuploads/measurements/jobs/${jobId}`;
  await expect
    .poll(async () => (await at(other).client.call("GET", job)).body, patiently)
    .toMatchObject({ status: "succeeded", processedRows: 1 });
});

test(
  "what is refunded while the server that keeps usage is down is not taken again by the close",
  async () => {
    await at(home).meter("visits");
    await at(home).account("counted");
    const plan = await at(home).openPlan("counted");
    const pricingBands = [{ lowerLimit: 0, unitPrice: 1, fixedPrice: 0 }];
    const counts = { meter: "visits", aggregation: "COUNT", unit: "visit" } as const;
    await at(home).price(plan, counts, { pricingBands, cumulative: true });
    await at(home).grant("counted", "100");
    for (const uid of ["counted-1", "counted-2"])
      await at(other).authorize({ ...call("counted", uid), meter: "visits" });
    await waitForRelay(url());
    await servers[home]?.kill();
    await at(other).post("refunds", { uid: "counted-back", of: "counted-1" });
    const job = await ask(other, "counted");
    // What is locked is not voided yet.
    await whileLocked(url(), "SELECT FROM usage_void FOR UPDATE", async () => {
      await start(home);
      const status = async () => (await at(other).client.call("GET", `billjobs/${job}`)).body;
      await expect.poll(status, patiently).toMatchObject({ status: "RUNNING" });
      await delay(1_000);
      expect(await balance("counted")).toBe("99");
    });
    await waitForVoids(url());
    expect(await billed(job, "counted")).toBe(0);
    expect(await balance("counted")).toBe("99");
  },
  slowMs,
);

test(
  "while the server that keeps usage is down the other one decides, and what is to be billed waits",
  async () => {
    await payer("waiting");
    await servers[home]?.kill();
    for (let nth = 0; nth < 5; nth += 1)
      await at(other).authorize(call("waiting", `waiting-${nth}`));
    const job = await ask(other, "waiting");
    await delay(1_000);
    expect((await at(other).client.call("GET", `billjobs/${job}`)).body).toMatchObject({
      status: "PENDING",
    });
    await servers[other]?.stop();
    // Neither the order of the starts, nor a crash, nor a file that is made again from its journal moves usage.
    await writeFile(join(folders()[home] ?? "", "data", "usage.duckdb"), "damaged");
    await start(other);
    expect(await at(other).client.call("POST", "usage/query", month)).toMatchObject(misdirected);
    await start(home);
    expect(await at(home).client.call("POST", "usage/query", month)).toMatchObject({ status: 200 });
    expect(await billed(job, "waiting")).toBe(0);
    expect(await balance("waiting")).toBe("95");
    expect(await brokenInvariants(url(), orgId)).toEqual([]);
  },
  slowMs,
);

test("a server that another one has taken usage from is of no use, until it is started again", async () => {
  const taken = "UPDATE usage_store SET id = gen_random_uuid()";
  const gone =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'turnpike %'";
  const [kept] = await inspect(url(), async (pool) => {
    const { rows } = await pool.query<{ id: string }>("SELECT id FROM usage_store");
    // Seen from that server, the database was away meanwhile.
    await pool.query(taken);
    await pool.query(gone);
    return rows;
  });
  const status = async (nth: number): Promise<number> =>
    (await at(nth).client.call("GET", "products")).status;
  await expect.poll(() => status(home), patiently).toBe(421);
  await expect.poll(() => status(other), patiently).toBe(200);
  await inspect(url(), (pool) => pool.query("UPDATE usage_store SET id = $1", [kept?.id]));
  await expect.poll(() => status(home), patiently).toBe(200);
});

test(
  "an operator can have another server keep usage, once the one that does is gone",
  async () => {
    const dataDir = join(folders()[other] ?? "", "data");
    const adopt = () => turnpike({ ...settings(), TURNPIKE_DATA_DIR: dataDir }, "usage", "adopt");
    expect(await adopt()).toMatchObject({ code: 1, stderr: expect.stringContaining("Stop the") });
    await servers[other]?.stop();
    expect(await adopt()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("still connected"),
    });
    await servers[home]?.stop();
    expect(await adopt()).toMatchObject({ code: 0, stderr: "" });
    for (const nth of [home, other]) await start(nth);
    const { client } = at(home);
    expect(await client.call("POST", "usage/query", month)).toMatchObject(misdirected);
    const kept = await at(other).client.call("POST", "usage/query", month);
    expect(kept).toMatchObject({ status: 200 });
  },
  slowMs,
);
