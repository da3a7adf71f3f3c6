import { join } from "node:path";
import { pino } from "pino";
import { openPostgres } from "@turnpike/server/adapters/postgres/open.ts";
import { startEmbeddedPostgres } from "@turnpike/server/adapters/postgres/embedded.ts";
import { type Client, connect } from "../conformance/client.ts";
import { newFolder, removeFolder, startServer } from "../conformance/server.ts";

/** What a page costs at the beginning and at the end of a long list: `node bench/pages.ts [accounts]`. */
const accounts = Number(process.argv[2] ?? 100_000);
const pageSize = 100;
const sampled = 25;
const logger = pino({ level: "silent" });

/** Accounts straight into the table: what is measured is reading them. */
const fillWith = async (url: string, orgId: string): Promise<void> => {
  const { pool, close } = await openPostgres(url, logger);
  await pool.query(
    `INSERT INTO record (org_id, kind, id, code, folded_code, version, document,
       dt_created, dt_last_modified, created_by, last_modified_by)
     SELECT $1, 'account', gen_random_uuid(), 'a' || n, 'a' || n, 1,
       jsonb_build_object('name', 'Account ' || n, 'code', 'a' || n, 'emailAddress', 'a@example.com'),
       now() - n * interval '1 second', now(), 'bench', 'bench'
     FROM generate_series(1, $2) AS n`,
    [orgId, accounts],
  );
  await pool.query("ANALYZE record");
  await close();
};

/** Milliseconds of every page, in order. */
const readAll = async (client: Client): Promise<number[]> => {
  const costs: number[] = [];
  let seen = 0;
  for (let next: string | undefined = ""; next !== undefined;) {
    const token = next === "" ? "" : `&nextToken=${encodeURIComponent(next)}`;
    const before = performance.now();
    const page = await client.list(`accounts?pageSize=${pageSize}${token}`);
    costs.push(performance.now() - before);
    seen += page.data.length;
    next = page.nextToken;
  }
  if (seen !== accounts) throw new Error(`read ${seen} of ${accounts} accounts`);
  return costs;
};

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
};

/** Milliseconds of a request that is made again and again. */
const costOf = async (client: Client, path: string): Promise<number> => {
  const costs: number[] = [];
  for (let run = 0; run < sampled; run += 1) {
    const before = performance.now();
    await client.list(path);
    costs.push(performance.now() - before);
  }
  return rounded(median(costs));
};

const rounded = (ms: number): number => Number(ms.toFixed(2));

const folder = await newFolder();
const postgres = await startEmbeddedPostgres(join(folder, "postgres"), logger);
try {
  const server = await startServer(folder, { DATABASE_URL: postgres.url });
  try {
    await fillWith(postgres.url, server.orgId);
    const client = await connect(server);
    for (let warmUp = 0; warmUp < sampled; warmUp += 1) await client.list("accounts");
    const costs = await readAll(client);
    const firstMs = rounded(median(costs.slice(0, sampled)));
    const lastMs = rounded(median(costs.slice(-sampled)));
    const middle = `a${Math.ceil(accounts / 2)}`;
    const search = (query: string) => costOf(client, `accounts/search?searchQuery=${query}`);
    console.log(
      JSON.stringify({
        bench: "pages",
        accounts,
        pages: costs.length,
        pageSize,
        firstPagesMedianMs: firstMs,
        lastPagesMedianMs: lastMs,
        ratio: rounded(lastMs / firstMs),
        byCodeMedianMs: await costOf(client, `accounts?codes=${middle}`),
        searchByCodeMedianMs: await search(`code:${middle}`),
        searchByPrefixMedianMs: await search(`name~Account ${accounts}`),
        totalSeconds: rounded(costs.reduce((sum, ms) => sum + ms, 0) / 1000),
      }),
    );
  } finally {
    await server.stop();
  }
} finally {
  await postgres.stop();
  await removeFolder(folder);
}
