/**
 * Ingest over HTTP, durable, deduplicated and visible when acknowledged, in batches of 1,000 with distinct uids; beside
 * it JSON.parse alone on the same bodies, and the same server writing the same batches into its PostgreSQL with
 * INSERT … ON CONFLICT DO NOTHING; and the same paced load while somebody asks for every account by hour, one query after
 * the other. Prints JSON. `BENCH_BATCHES` sets the number of batches (800). What ingest puts off while it is busy is not in
 * the rate of so few: `unsealed_mb` tells what the journal still had to compress when the last batch was acknowledged; with
 * some 6,000 batches all of it is in the rate.
 */
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { sql } from "kysely";
import { pino } from "pino";
import { z } from "zod";
import { readConfig } from "@turnpike/server/config.ts";
import { firstCredentials } from "@turnpike/server/credentials.ts";
import { createHttpServer } from "@turnpike/server/http/server.ts";
import type { HttpParts } from "@turnpike/server/http/server.ts";
import { buildWorld } from "@turnpike/server/world.ts";
import { benchBodies, benchMeter } from "./usage-events.ts";
import type { LoadOrder, LoadReport } from "./http-load.ts";
import { tokenOf } from "./access-token.ts";

const batches = Number(process.env["BENCH_BATCHES"] ?? 800);
const batchSize = 1000;
const connections = 16;
const singles = 20_000;
/** What ingest put off is done by then, and takes no time from what is measured next. */
const settleMs = 6000;
const plan = { accounts: 1000, startMs: Date.now() - 86_400_000, stepMs: 0.5 };

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** The seconds that each of some passes over the bodies takes. */
const parseSeconds = (bodies: readonly string[], passes: number): number[] =>
  Array.from({ length: passes }, () => {
    const start = performance.now();
    for (const body of bodies) JSON.parse(body);
    return (performance.now() - start) / 1000;
  });

/** What a team writes by hand: parse, unnest, let a unique index find the duplicates. */
const mountBaseline = async (app: ReturnType<typeof createHttpServer>, { world }: HttpParts) => {
  const { database } = world;
  await sql`CREATE TABLE bench_usage (
    org text, uid text, meter text, account text, ts timestamptz,
    input_tokens double precision, output_tokens double precision, model text, region text,
    PRIMARY KEY (org, uid))`.execute(database);
  app.post("/bench/postgres", { bodyLimit: 16_777_216 }, async (request) => {
    const body = request.body instanceof Uint8Array ? Buffer.from(request.body).toString() : "";
    const { measurements }: { measurements: Event[] } = JSON.parse(body);
    const column = <T>(of: (event: Event) => T): T[] => measurements.map(of);
    await sql`INSERT INTO bench_usage SELECT 'org', * FROM unnest(
      ${column((event) => event.uid)}::text[], ${column((event) => event.meter)}::text[],
      ${column((event) => event.account)}::text[], ${column((event) => event.ts)}::timestamptz[],
      ${column((event) => event.measure.input_tokens)}::double precision[],
      ${column((event) => event.measure.output_tokens)}::double precision[],
      ${column((event) => event.what.model)}::text[], ${column((event) => event.where.region)}::text[])
      ON CONFLICT DO NOTHING`.execute(database);
    return { result: "accepted" };
  });
  app.post("/bench/nothing", async () => ({ result: "accepted" }));
};

interface Event {
  readonly uid: string;
  readonly meter: string;
  readonly account: string;
  readonly ts: string;
  readonly measure: { readonly input_tokens: number; readonly output_tokens: number };
  readonly what: { readonly model: string };
  readonly where: { readonly region: string };
}

const quantile = (report: LoadReport, at: number): number =>
  report.latencies.toSorted((a, b) => a - b)[Math.floor(report.latencies.length * at)] ?? 0;

const main = async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-bench-"));
  await chmod(folder, 0o755);
  const config = readConfig({
    TURNPIKE_DATA_DIR: folder,
    TURNPIKE_PORT: "0",
    TURNPIKE_LOG_LEVEL: "silent",
  });
  const credentials = await firstCredentials(config);
  const world = await buildWorld({ config, credentials, logger: pino({ level: "silent" }) });
  const app = createHttpServer(world.http);
  await mountBaseline(app, world.http);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const generator = new Worker(new URL("http-load.ts", import.meta.url));
  try {
    const token = await tokenOf(url, credentials);
    const org = `/organizations/${credentials.orgId}`;
    const path = `${org}/measurements`;
    const meterId = await createMeter(`${url}${org}/meters`, token);
    const ask = () => askEveryAccount(`${url}${org}/usage/query`, token, meterId);
    const send = async (order: Pick<LoadOrder, "path" | "bodies"> & Partial<LoadOrder>) => {
      const port = Number(new URL(url).port);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
      generator.postMessage({ port, token, connections, ...order } satisfies LoadOrder);
      const [report]: LoadReport[] = await once(generator, "message");
      if (report?.refusal !== undefined) throw new Error(`refused: ${report.refusal}`);
      if (report === undefined) throw new Error("the load generator said nothing");
      return report;
    };
    const unsealed = () => unsealedBytes(join(folder, "usage.duckdb.journal"));
    await measure(path, { send, ask, unsealed });
  } finally {
    await generator.terminate();
    await app.close();
    await world.close();
    await rm(folder, { recursive: true, force: true });
  }
};

type Send = (order: Pick<LoadOrder, "path" | "bodies"> & Partial<LoadOrder>) => Promise<LoadReport>;

/** Of segments of the journal that are not compressed. */
const unsealedBytes = async (folder: string): Promise<number> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".journal"));
  const sizes = await Promise.all(
    names.map((name) => stat(join(folder, name)).catch(() => ({ size: 0 }))),
  );
  return sizes.reduce((total, { size }) => total + size, 0);
};

interface Client {
  readonly send: Send;
  readonly ask: () => Promise<void>;
  readonly unsealed: () => Promise<number>;
}

const measure = async (path: string, { send, ask, unsealed }: Client): Promise<void> => {
  const bodiesFrom = (first: number, count: number, size = batchSize) =>
    benchBodies(count, size, { ...plan, first });
  // Accounts are created, shapes learned and code compiled before the clock runs; accounts by one connection, since many
  // that find the same accounts missing wait for each other.
  await send({ path, bodies: bodiesFrom(900_000_000, 15), connections: 1 });
  await send({ path, bodies: bodiesFrom(950_000_000, 50) });
  const bodies = bodiesFrom(0, batches);
  // Before and after, since the machine may be faster now than then; the first pass only makes room on the heap.
  const [, ...before] = parseSeconds(bodies, 3);
  const eventsPerSecond = ({ seconds }: LoadReport, count: number): number =>
    (count * batchSize) / seconds;
  const turnpike = eventsPerSecond(await send({ path, bodies }), batches);
  const unsealedMb = (await unsealed()) / 1_000_000;
  await delay(settleMs);
  const passes = [...before, ...parseSeconds(bodies, 2)];
  const parse =
    (passes.length * batches * batchSize) / passes.reduce((sum, seconds) => sum + seconds, 0);
  const baselineBatches = Math.ceil(batches / 8);
  const baseline = await send({
    path: "/bench/postgres",
    bodies: bodies.slice(0, baselineBatches),
  });
  const postgres = eventsPerSecond(baseline, baselineBatches);
  const paced = await send({
    path,
    bodies: bodiesFrom(100_000_000, Math.ceil(batches / 2)),
    rate: (turnpike * 0.7) / batchSize,
  });
  const beside = await whileAsking(ask, () =>
    send({
      path,
      bodies: bodiesFrom(150_000_000, Math.ceil(batches / 2)),
      rate: (turnpike * 0.35) / batchSize,
    }),
  );
  await delay(settleMs);
  const single = bodiesFrom(200_000_000, singles, 1);
  const halves = [single.slice(0, singles / 2), single.slice(singles / 2)];
  const seconds = { alone: 0, nothing: 0 };
  for (const half of halves) {
    const order = { bodies: half, connections: 64 };
    seconds.alone += (await send({ path, ...order })).seconds;
    seconds.nothing += (await send({ path: "/bench/nothing", ...order })).seconds;
  }
  console.log(
    JSON.stringify({
      events_per_s: round(turnpike),
      unsealed_mb: round(unsealedMb, 1),
      json_parse_events_per_s: round(parse),
      ratio: round(turnpike / parse, 3),
      postgres_events_per_s: round(postgres),
      speedup: round(turnpike / postgres, 2),
      batch_p50_ms_at_70_percent: round(quantile(paced, 0.5), 1),
      batch_p99_ms_at_70_percent: round(quantile(paced, 0.99), 1),
      batch_p50_ms_at_35_percent_beside_queries: round(quantile(beside.report, 0.5), 1),
      batch_p99_ms_at_35_percent_beside_queries: round(quantile(beside.report, 0.99), 1),
      queries_meanwhile: beside.answered,
      single_events_per_s: round(singles / seconds.alone),
      no_op_requests_per_s: round(singles / seconds.nothing),
      single_ratio: round(seconds.nothing / seconds.alone, 3),
    }),
  );
};

/** The load, and how many questions were answered one after the other until it ended. */
const whileAsking = async (
  ask: () => Promise<void>,
  load: () => Promise<LoadReport>,
): Promise<{ readonly report: LoadReport; readonly answered: number }> => {
  const loaded = new AbortController();
  let answered = 0;
  const asking = (async () => {
    for (; !loaded.signal.aborted; answered++) await ask();
  })();
  const report = await load();
  loaded.abort();
  await asking;
  return { report, answered };
};

const askEveryAccount = async (url: string, token: string, meterId: string): Promise<void> => {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({
      startDate: new Date(plan.startMs).toISOString(),
      endDate: new Date(plan.startMs + 86_400_000).toISOString(),
      groups: [{ groupType: "ACCOUNT" }, { groupType: "TIME", frequency: "HOUR" }],
      aggregations: [{ meterId, fieldCode: "input_tokens", fieldType: "MEASURE", function: "SUM" }],
    }),
  });
  if (!response.ok) throw new Error(`the query was refused: ${await response.text()}`);
  await response.arrayBuffer();
};

const created = z.object({ id: z.string() });

/** The id of the meter. */
const createMeter = async (url: string, token: string): Promise<string> => {
  const name = "LLM calls";
  const dataFields = benchMeter.dataFields.map((field) => ({ ...field, name, unit: "1" }));
  const { code, derivedFields } = benchMeter;
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ name, code, dataFields, derivedFields }),
  });
  if (!response.ok) throw new Error(`the meter was refused: ${await response.text()}`);
  return created.parse(await response.json()).id;
};

await main();
