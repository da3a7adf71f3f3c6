/**
 * Authorization over HTTP against the embedded PostgreSQL: single charges from 64 connections beside a route of the
 * same server that does nothing, batches of 100, one hot account, and many accounts beside a thousand. Prints JSON.
 * `BENCH_SECONDS` is how long about each part lasts (4), `BENCH_ACCOUNTS` how many the many are (20,000).
 */
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Pool } from "pg";
import { pino } from "pino";
import { readConfig } from "@turnpike/server/config.ts";
import { firstCredentials } from "@turnpike/server/credentials.ts";
import { createHttpServer } from "@turnpike/server/http/server.ts";
import { buildWorld } from "@turnpike/server/world.ts";
import type { LoadOrder, LoadReport } from "./http-load.ts";

const secondsPerPart = Number(process.env["BENCH_SECONDS"] ?? 4);
const manyAccounts = Number(process.env["BENCH_ACCOUNTS"] ?? 20_000);
const fewAccounts = 1000;
const connections = 64;
const batchSize = 100;

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

const quantile = ({ latencies }: LoadReport, at: number): number =>
  latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * at)] ?? 0;

type Order = Pick<LoadOrder, "path" | "bodies"> & Partial<LoadOrder>;
type Send = (order: Order) => Promise<LoadReport>;

let nextUid = 0;

const charge = (account: string) => ({
  uid: `bench-${nextUid++}`,
  account,
  meter: "calls",
  mode: "charge",
  amount: "0.0001",
  asset: "USD",
  measure: { units: 1 },
});

const codeOf = (nth: number): string => `account-${nth}`;

/** Charges of accounts in a scattered order, so that neighbours in a batch are strangers. */
const charges = (count: number, accounts: number, first = 0) =>
  Array.from({ length: count }, (_, nth) => charge(codeOf(first + ((nth * 7919) % accounts))));

const singles = (count: number, accounts: number, first?: number): string[] =>
  charges(count, accounts, first).map((body) => JSON.stringify(body));

const batches = (count: number, accounts: number, first?: number): string[] =>
  Array.from({ length: count }, () =>
    JSON.stringify({ authorizations: charges(batchSize, accounts, first) }),
  );

/** Runs a few to learn the pace, then as many as last about one part. */
const measured = async (
  send: Send,
  path: string,
  bodiesOf: (count: number) => string[],
  sample: number,
): Promise<{ readonly report: LoadReport; readonly perSecond: number }> => {
  const trial = await send({ path, bodies: bodiesOf(sample) });
  const count = Math.max(sample, Math.ceil((sample / trial.seconds) * secondsPerPart));
  const report = await send({ path, bodies: bodiesOf(count) });
  return { report, perSecond: count / report.seconds };
};

const measure = async (path: string, send: Send): Promise<void> => {
  const nothing = await measured(
    send,
    "/bench/nothing",
    (count) => singles(count, fewAccounts),
    5000,
  );
  const single = await measured(send, path, (count) => singles(count, fewAccounts), 2000);
  const paced = await send({
    path,
    bodies: singles(Math.ceil((single.perSecond / 2) * secondsPerPart), fewAccounts),
    rate: single.perSecond / 2,
  });
  const hot = await measured(send, path, (count) => singles(count, 1), 1000);
  const batchPath = `${path}/batch`;
  const batch = await measured(send, batchPath, (count) => batches(count, fewAccounts), 20);
  const hotBatch = await measured(send, batchPath, (count) => batches(count, 10), 20);
  const many = await measured(send, path, (count) => singles(count, manyAccounts), 2000);
  console.log(
    JSON.stringify({
      no_op_per_s: round(nothing.perSecond),
      single_per_s: round(single.perSecond),
      single_ratio: round(single.perSecond / nothing.perSecond, 3),
      single_p50_ms: round(quantile(single.report, 0.5), 1),
      half_of_peak_p50_ms: round(quantile(paced, 0.5), 1),
      half_of_peak_p99_ms: round(quantile(paced, 0.99), 1),
      one_hot_account_per_s: round(hot.perSecond),
      batches_of_100_decisions_per_s: round(batch.perSecond * batchSize),
      batches_of_100_of_10_accounts_decisions_per_s: round(hotBatch.perSecond * batchSize),
      many_accounts: manyAccounts,
      many_accounts_per_s: round(many.perSecond),
      many_to_few_ratio: round(many.perSecond / single.perSecond, 3),
      load_average: loadavg().map((load) => round(load, 1)),
    }),
  );
};

interface Server {
  readonly url: string;
  readonly orgId: string;
  readonly token: string;
}

const post = async ({ url, orgId, token }: Server, path: string, body: unknown): Promise<void> => {
  const response = await fetch(`${url}/organizations/${orgId}/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
};

/** Accounts with money, written where the API would write them: creating many one by one would outlast the measurement. */
const prepare = async (server: Server, databaseUrl: string): Promise<void> => {
  await post(server, "assets", { code: "USD", name: "US dollar", scale: 6, kind: "fiat" });
  await post(server, "meters", {
    code: "calls",
    name: "Calls",
    dataFields: [{ category: "MEASURE", code: "units", name: "Units", unit: "1" }],
    derivedFields: [],
  });
  await post(server, "accounts", {
    code: "sample",
    name: "Sample",
    emailAddress: "sample@example.com",
  });
  await post(server, "grants", { id: "sample", account: "sample", asset: "USD", amount: "1000" });
  const pool = new Pool({ connectionString: databaseUrl, max: 1 });
  const range = `FROM generate_series(0, ${Math.max(manyAccounts, fewAccounts) - 1}) AS n`;
  const copies = [
    `INSERT INTO record SELECT org_id, kind, md5(n::text)::uuid, parent_id, 'account-' || n, 'account-' || n, version,
       document || jsonb_build_object('code', 'account-' || n), dt_created, dt_last_modified, created_by, last_modified_by
       FROM (SELECT * FROM record WHERE kind = 'account' AND code = 'sample') AS r, LATERAL (SELECT n ${range}) AS s`,
    `INSERT INTO unique_value SELECT org_id, kind, 'code', code, id FROM record WHERE code LIKE 'account-%'`,
    `INSERT INTO ledger_account SELECT org_id, code FROM record WHERE code LIKE 'account-%'`,
    `INSERT INTO wallet_account SELECT org_id, 'account-' || n, asset, credited, debited, held, debt, debt_limit, mode, seen_at
       FROM wallet_account, LATERAL (SELECT n ${range}) AS s WHERE account = 'sample'`,
    `INSERT INTO ledger_grant (org_id, id, account, asset, amount, state, remaining, held, consumed, breakage, transferred, due_at, terms)
       SELECT org_id, 'grant-' || n, 'account-' || n, asset, amount, state, remaining, held, consumed, breakage, transferred, due_at, terms
       FROM ledger_grant, LATERAL (SELECT n ${range}) AS s WHERE id = 'sample'`,
    "ANALYZE",
  ];
  try {
    for (const copy of copies) await pool.query(copy);
  } finally {
    await pool.end();
  }
};

const tokenOf = async (
  url: string,
  { accessKey, apiSecret }: { accessKey: string; apiSecret: string },
): Promise<string> => {
  const basic = Buffer.from(`${accessKey}:${apiSecret}`).toString("base64");
  const response = await fetch(`${url}/oauth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${basic}`, "content-type": "application/json" },
    body: JSON.stringify({ grant_type: "client_credentials" }),
  });
  const { access_token: token }: { access_token: string } = JSON.parse(await response.text());
  return token;
};

const main = async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-bench-"));
  await chmod(folder, 0o755);
  const config = readConfig({
    TURNPIKE_DATA_DIR: folder,
    TURNPIKE_PORT: "0",
    TURNPIKE_LOG_LEVEL: "silent",
    DATABASE_URL: process.env["DATABASE_URL"],
  });
  const credentials = await firstCredentials(config);
  const world = await buildWorld({ config, credentials, logger: pino({ level: "silent" }) });
  const app = createHttpServer(world.http);
  app.post("/bench/nothing", async () => ({ result: "accepted" }));
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const generator = new Worker(new URL("http-load.ts", import.meta.url));
  try {
    const token = await tokenOf(url, credentials);
    const { connectionString } = world.http.world.ledger.pool.options;
    await prepare({ url, orgId: credentials.orgId, token }, connectionString ?? "");
    const send: Send = async (order) => {
      const port = Number(new URL(url).port);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
      generator.postMessage({ port, token, connections, ...order } satisfies LoadOrder);
      const [report]: LoadReport[] = await once(generator, "message");
      if (report?.refusal !== undefined) throw new Error(`refused: ${report.refusal}`);
      if (report === undefined) throw new Error("the load generator said nothing");
      return report;
    };
    await measure(`/organizations/${credentials.orgId}/authorizations`, send);
  } finally {
    await generator.terminate();
    await app.close();
    await world.close();
    await rm(folder, { recursive: true, force: true });
  }
};

await main();
