import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { pino } from "pino";
import { z } from "zod";
import { readConfig } from "@turnpike/server/config.ts";
import { firstCredentials } from "@turnpike/server/credentials.ts";
import { jsonBody } from "@turnpike/server/http/requests.ts";
import { createHttpServer } from "@turnpike/server/http/server.ts";
import { buildWorld } from "@turnpike/server/world.ts";
import { tokenOf } from "./access-token.ts";

/** A server of its own with an asset, a meter and accounts that have money. */
export interface BenchServer {
  readonly port: number;
  readonly path: string;
  /** Of the route that does nothing behind the same authentication. */
  readonly allowedNothingPath: string;
  readonly token: string;
  readonly pool: Pool;
  /** Makes another account, with the plan and a budget where others have them. */
  readonly signUp: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Does nothing, as the server does it: what the other routes are measured against. */
export const nothingPath = "/bench/nothing";
/** Nothing either, for a caller who must be allowed to and sends JSON. */
const allowedNothing = "bench/nothing";

interface Sample {
  readonly accounts: number;
  /** Whether each of them has a plan. */
  readonly hasPlans: boolean;
  /** So many budgets there are, each of an account that never calls. */
  readonly budgets: number;
}

export const startBenchServer = async (sample: Sample): Promise<BenchServer> => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-bench-"));
  await chmod(folder, 0o755);
  const config = readConfig({
    TURNPIKE_DATA_DIR: folder,
    TURNPIKE_PORT: "0",
    TURNPIKE_LOG_LEVEL: "silent",
    DATABASE_URL: process.env["DATABASE_URL"],
  });
  const credentials = await firstCredentials(config);
  const logger = pino({ level: "silent" });
  // A run before may have kept the usage of this database.
  const world = await buildWorld({ config, credentials, logger, claim: "instead" });
  const app = createHttpServer(world.http);
  app.post(nothingPath, async () => ({ result: "accepted" }));
  app.post(
    `/organizations/:orgId/${allowedNothing}`,
    { config: { access: "organization", permission: "none", takesKey: true } },
    async (request) => ({ result: jsonBody(request) === null ? "nothing" : "accepted" }),
  );
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const { connectionString } = world.http.world.ledger.pool.options;
  const pool = new Pool({ connectionString, max: 1 });
  // The database ends before the last connection has said good-bye.
  pool.on("error", () => undefined);
  const close = async (): Promise<void> => {
    await pool.end();
    await app.close();
    await world.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const base = `${url}/organizations/${credentials.orgId}`;
    const token = await tokenOf(url, credentials);
    await createSample({ base, token });
    const planId = sample.hasPlans ? await createPlan({ base, token }) : undefined;
    if (sample.budgets > 0) await createBudget({ base, token }, "sample");
    await copySample(pool, sample);
    const { port, pathname } = new URL(base);
    return {
      port: Number(port),
      path: `${pathname}/authorizations`,
      allowedNothingPath: `${pathname}/${allowedNothing}`,
      token,
      pool,
      signUp: () => signUp({ base, token }, { planId, hasBudget: sample.budgets > 0 }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

interface Sampled {
  readonly base: string;
  readonly token: string;
}

/** The id of what was made; an asset has none. */
const post = async ({ base, token }: Sampled, path: string, body: unknown): Promise<string> => {
  const response = await fetch(`${base}/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  const { id } = z.object({ id: z.string().default("") }).parse(await response.json());
  return id;
};

const meterFields = {
  dataFields: [{ category: "MEASURE", code: "units", name: "Units", unit: "1" }],
  derivedFields: [],
};

const createSample = async (sampled: Sampled): Promise<void> => {
  await post(sampled, "assets", { code: "USD", name: "US dollar", scale: 6, kind: "fiat" });
  await post(sampled, "meters", { code: "calls", name: "Calls", ...meterFields });
  const sample = { code: "sample", name: "Sample", emailAddress: "sample@example.com" };
  await post(sampled, "accounts", sample);
  await post(sampled, "grants", { id: "sample", account: "sample", asset: "USD", amount: "1000" });
};

/** What the sample account buys, and with it every copy: one meter at one price. */
const createPlan = async (sampled: Sampled): Promise<string> => {
  const named = { code: "planned", name: "Planned" };
  const productId = await post(sampled, "products", named);
  const meterId = await post(sampled, "meters", { ...named, productId, ...meterFields });
  const aggregationId = await post(sampled, "aggregations", {
    ...named,
    meterId,
    targetField: "units",
    aggregation: "SUM",
    rounding: "NONE",
    quantityPerUnit: 1,
    unit: "call",
  });
  const monthly = {
    ...named,
    productId,
    currency: "USD",
    standingCharge: 0,
    billFrequency: "MONTHLY",
  };
  const planTemplateId = await post(sampled, "plantemplates", monthly);
  const planId = await post(sampled, "plans", { ...named, planTemplateId });
  const startDate = "2020-01-01T00:00:00Z";
  const pricingBands = [{ lowerLimit: 0, fixedPrice: 0, unitPrice: 0.0001 }];
  await post(sampled, "pricings", { planId, aggregationId, startDate, pricingBands });
  const accountId = await post(sampled, "accounts", {
    code: "buyer",
    name: "Buyer",
    emailAddress: "buyer@example.com",
  });
  await post(sampled, "accountplans", { accountId, planId, startDate });
  await post(sampled, "grants", { id: "buyer", account: "buyer", asset: "USD", amount: "1000" });
  const call = { uid: "bought", account: "buyer", meter: "planned", measure: { units: 1 } };
  await post(sampled, "authorizations", { ...call, mode: "charge" });
  return planId;
};

const signUp = async (
  sampled: Sampled,
  { planId, hasBudget }: { readonly planId: string | undefined; readonly hasBudget: boolean },
): Promise<void> => {
  const code = randomUUID();
  const named = { code, name: "New", emailAddress: "new@example.com" };
  const accountId = await post(sampled, "accounts", named);
  const startDate = "2020-01-01T00:00:00Z";
  if (planId !== undefined) await post(sampled, "accountplans", { accountId, planId, startDate });
  if (hasBudget) await createBudget(sampled, code);
};

const createBudget = async (sampled: Sampled, account: string): Promise<void> => {
  const limit = { asset: "USD", window: "month", limit: "1000" };
  await post(sampled, "budgets", { code: account, scope: { account }, ...limit });
};

/** Accounts with money, written where the API would write them: creating many one by one would outlast the measurement. */
const copySample = async (pool: Pool, { accounts, budgets }: Sample): Promise<void> => {
  const range = `FROM generate_series(0, ${accounts - 1}) AS n`;
  const copies = [
    `INSERT INTO record SELECT org_id, kind, md5(n::text)::uuid, parent_id, 'account-' || n, 'account-' || n, version,
       document || jsonb_build_object('code', 'account-' || n), dt_created, dt_last_modified, created_by, last_modified_by
       FROM (SELECT * FROM record WHERE kind = 'account' AND code = 'sample') AS r, LATERAL (SELECT n ${range}) AS s`,
    `INSERT INTO unique_value SELECT org_id, kind, 'code', code, id FROM record WHERE code LIKE 'account-%'`,
    `INSERT INTO ledger_account (org_id, account, has_wallet, purse)
       SELECT org_id, 'account-' || n, has_wallet, replace(purse, '"id":"sample"', '"id":"grant-' || n || '"')
       FROM ledger_account, LATERAL (SELECT n ${range}) AS s WHERE account = 'sample'`,
    `INSERT INTO ledger_grant (org_id, id, account, asset, amount, state, remaining, held, consumed, breakage, transferred, due_at, is_open, terms)
       SELECT org_id, 'grant-' || n, 'account-' || n, asset, amount, state, remaining, held, consumed, breakage, transferred, due_at, is_open, terms
       FROM ledger_grant, LATERAL (SELECT n ${range}) AS s WHERE id = 'sample'`,
    // None where no plan was made.
    `INSERT INTO record SELECT org_id, kind, md5('plan-' || n)::uuid, parent_id, code, folded_code, version,
       document || jsonb_build_object('accountId', md5(n::text)::uuid), dt_created, dt_last_modified, created_by, last_modified_by
       FROM (SELECT * FROM record WHERE kind = 'accountPlan') AS r, LATERAL (SELECT n ${range}) AS s`,
    `INSERT INTO reference SELECT org_id, from_kind, md5('plan-' || n)::uuid, field, to_kind,
       CASE field WHEN 'accountId' THEN md5(n::text)::uuid ELSE to_id END
       FROM (SELECT * FROM reference WHERE from_kind = 'accountPlan') AS r, LATERAL (SELECT n ${range}) AS s`,
    // None where no budget was made.
    `INSERT INTO record SELECT org_id, kind, md5('budget-' || n)::uuid, parent_id, 'budget-' || n, 'budget-' || n, version,
       document || jsonb_build_object('code', 'budget-' || n, 'scope', jsonb_build_object('account', 'other-' || n)),
       dt_created, dt_last_modified, created_by, last_modified_by
       FROM (SELECT * FROM record WHERE kind = 'budget') AS r, LATERAL (SELECT n FROM generate_series(1, ${budgets}) AS n) AS s`,
    // Where in its month an account is, which only its first call has to find out.
    `INSERT INTO usage_position SELECT org_id, replace(id, '/buyer', '/account-' || n), posted, held, before
       FROM (SELECT * FROM usage_position) AS r, LATERAL (SELECT n ${range}) AS s`,
    "VACUUM ANALYZE",
    "CHECKPOINT",
  ];
  for (const copy of copies) await pool.query(copy);
  await touchPages(pool);
};

const tablesOfAccounts = ["ledger_account", "usage_position"];

/**
 * Locks a row of each page, as a decision does. The first change of a page after a checkpoint logs the whole page; in
 * the 15 minutes between two checkpoints a page is changed thousands of times, so that this first change is no part of
 * what a decision costs: without it a measurement of seconds would measure little else.
 */
const touchPages = async (pool: Pool): Promise<void> => {
  for (const table of tablesOfAccounts) {
    await pool.query(
      `SELECT count(*) FROM (SELECT 1 FROM ${table} WHERE ctid = ANY(ARRAY(
         SELECT min(ctid) FROM ${table} GROUP BY (ctid::text::point)[0])) FOR UPDATE) AS touched`,
    );
  }
};
