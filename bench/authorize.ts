/**
 * Authorization over HTTP against the embedded PostgreSQL: single charges from 64 connections beside a route of the
 * same server that does nothing, and one that does nothing behind authentication, charges that the account's plan prices,
 * batches of 100, one hot account, and many accounts beside a thousand. The parts take turns, so that what else the machine does falls on all of them. At
 * the end few and many once more behind a checkpoint each, when the first change of a page costs most. Prints JSON.
 * `BENCH_SECONDS` is how long a turn of a part lasts (2), `BENCH_ROUNDS` how many turns each has (2), `BENCH_PARTS`
 * which parts run (all), `TURNPIKE_BENCH_ACCOUNTS` how many the many accounts are (20,000), `BENCH_BUDGETS` how many budgets
 * other accounts have (0), `BENCH_SIGN_UPS` how many accounts are made a second meanwhile (0).
 */
import { once } from "node:events";
import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { type BenchServer, nothingPath, startBenchServer } from "./authorization-server.ts";
import { cpuTime, postmasterOf } from "./cpu-time.ts";
import { type Charges, chargesIn } from "./charges.ts";
import type { LoadOrder, LoadReport } from "./http-load.ts";

const secondsPerTurn = Number(process.env["BENCH_SECONDS"] ?? 2);
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 2);
const manyAccounts = Number(process.env["TURNPIKE_BENCH_ACCOUNTS"] ?? 20_000);
const fewAccounts = 1000;
const budgets = Number(process.env["BENCH_BUDGETS"] ?? 0);
const signUpsPerSecond = Number(process.env["BENCH_SIGN_UPS"] ?? 0);
/** The parts at their peak leave usage behind that is still on its way; half of peak shall bear its own only. */
const settleMs = 5000;
/** Every half minute the kernel writes what files have grown by: a shorter turn has all of that or nothing. */
const pacedSeconds = 30;
/**
 * That do not count: V8 compiles code again and again while it becomes hot, for some ten seconds, and takes a tenth of
 * the cores that are measured for it.
 */
const turnsToCompile = 3;
const connections = 64;
const batchSize = 100;

let nextCharge = 0;

interface Part {
  readonly isBatch?: boolean;
  readonly isPlanned?: boolean;
  readonly isNothing?: "for anybody" | "for the allowed";
  readonly accounts: number;
}

const parts = {
  nothing: { isNothing: "for anybody", accounts: fewAccounts },
  allowedNothing: { isNothing: "for the allowed", accounts: fewAccounts },
  single: { accounts: fewAccounts },
  many: { accounts: manyAccounts },
  planned: { isPlanned: true, accounts: fewAccounts },
  manyPlanned: { isPlanned: true, accounts: manyAccounts },
  hot: { accounts: 1 },
  batch: { isBatch: true, accounts: fewAccounts },
  manyBatch: { isBatch: true, accounts: manyAccounts },
  tenBatch: { isBatch: true, accounts: 10 },
} as const satisfies Record<string, Part>;
type PartName = keyof typeof parts;

const isPart = (name: string): name is PartName => name in parts;
const isOfPlan = (name: string): boolean => name === "planned" || name === "manyPlanned";

interface Bench {
  readonly server: BenchServer;
  readonly postmaster: string;
  readonly generator: Worker;
}

/** What a part has come to in all its turns. */
interface Sum {
  decisions: number;
  seconds: number;
  serverMicros: number;
  otherMicros: number;
  clientMicros: number;
  databaseMicros: number;
  readonly latencies: number[];
}

const emptySum = (): Sum => ({
  decisions: 0,
  seconds: 0,
  serverMicros: 0,
  otherMicros: 0,
  clientMicros: 0,
  databaseMicros: 0,
  latencies: [],
});

const pathOf = (server: BenchServer, { isNothing, isBatch }: Part): string => {
  if (isNothing === "for anybody") return nothingPath;
  if (isNothing === "for the allowed") return server.allowedNothingPath;
  return isBatch === true ? `${server.path}/batch` : server.path;
};

const chargesOf = ({ isBatch, isPlanned = false, accounts }: Part, requests: number): Charges => {
  const batch = isBatch === true ? { batchSize } : {};
  const charges = { first: nextCharge, requests, accounts, isPlanned, ...batch };
  nextCharge += chargesIn(charges);
  return charges;
};

/** Sends so many requests of a part and adds what they took. */
const turn = async (
  { server, postmaster, generator }: Bench,
  part: Part,
  { count, sum, rate }: { readonly count: number; readonly sum: Sum; readonly rate?: number },
): Promise<void> => {
  const charges = chargesOf(part, count);
  const order: LoadOrder = {
    port: server.port,
    token: server.token,
    path: pathOf(server, part),
    bodies: charges,
    connections,
    ...(rate === undefined ? {} : { rate }),
  };
  const before = await cpuTime(postmaster);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  generator.postMessage(order);
  const [report]: LoadReport[] = await once(generator, "message");
  if (report === undefined) throw new Error("the load generator said nothing");
  if (report.refusal !== undefined) throw new Error(`refused: ${report.refusal}`);
  const after = await cpuTime(postmaster);
  const serverMicros = after.server - before.server;
  const generatorMicros = report.preparingMicros + report.cpuMicros;
  sum.decisions += chargesIn(charges);
  sum.seconds += report.seconds;
  sum.serverMicros += serverMicros;
  sum.otherMicros += after.process - before.process - serverMicros - generatorMicros;
  sum.clientMicros += report.cpuMicros;
  sum.databaseMicros += after.database - before.database;
  for (const latency of report.latencies) sum.latencies.push(latency);
};

const perSecond = ({ decisions, seconds }: Sum): number => decisions / seconds;

/** Every part in turn, each as many requests as last about one turn. */
const takeTurns = async (bench: Bench, names: readonly PartName[]): Promise<Map<PartName, Sum>> => {
  const sums = new Map<PartName, Sum>();
  for (const name of names) {
    const part: Part = parts[name];
    const trial = emptySum();
    await turn(bench, part, { count: part.isBatch === true ? 30 : 2000, sum: trial });
    sums.set(name, trial);
  }
  const counts = new Map(
    [...sums].map(([name, trial]) => [
      name,
      Math.ceil((perSecond(trial) / trial.decisions) * trial.latencies.length * secondsPerTurn),
    ]),
  );
  for (const name of names) {
    for (let nth = 0; nth < turnsToCompile; nth += 1)
      await turn(bench, parts[name], { count: counts.get(name) ?? 1, sum: emptySum() });
    sums.set(name, emptySum());
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, sum] of sums)
      await turn(bench, parts[name], { count: counts.get(name) ?? 1, sum });
  }
  return sums;
};

/** How a part does right after a checkpoint. */
const behindCheckpoint = async (bench: Bench, part: Part, count: number): Promise<Sum> => {
  await bench.server.pool.query("CHECKPOINT");
  const sum = emptySum();
  await turn(bench, part, { count, sum });
  return sum;
};

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

const quantile = ({ latencies }: Sum, at: number): number =>
  latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * at)] ?? 0;

const summary = (sum: Sum) => ({
  per_s: round(perSecond(sum)),
  p50_ms: round(quantile(sum, 0.5), 1),
  p99_ms: round(quantile(sum, 0.99), 1),
  cpu_us: {
    server: round(sum.serverMicros / sum.decisions, 1),
    usage_store: round(sum.otherMicros / sum.decisions, 1),
    database: round(sum.databaseMicros / sum.decisions, 1),
    load_generator: round(sum.clientMicros / sum.decisions, 1),
  },
});

const ratioOf = (first: Sum | undefined, second: Sum | undefined): number | undefined =>
  first && second && round(perSecond(first) / perSecond(second), 3);

const measure = async (bench: Bench, names: readonly PartName[]): Promise<unknown> => {
  const sums = await takeTurns(bench, names);
  const single = sums.get("single");
  const paced = emptySum();
  if (single !== undefined) {
    const rate = perSecond(single) / 2;
    const count = Math.ceil(rate * pacedSeconds);
    await delay(settleMs);
    await turn(bench, parts.single, { count, sum: paced, rate });
  }
  return {
    ...Object.fromEntries([...sums].map(([name, sum]) => [name, summary(sum)])),
    half_of_peak: single && summary(paced),
    single_to_nothing: ratioOf(single, sums.get("nothing")),
    single_to_allowed_nothing: ratioOf(single, sums.get("allowedNothing")),
    planned_to_single: ratioOf(sums.get("planned"), single),
    many_to_few: ratioOf(sums.get("many"), single),
    many_to_few_planned: ratioOf(sums.get("manyPlanned"), sums.get("planned")),
    many_to_few_in_batches: ratioOf(sums.get("manyBatch"), sums.get("batch")),
    many_to_few_behind_a_checkpoint: await coldRatio(bench, sums),
    many_accounts: manyAccounts,
    load_average: loadavg().map((load) => round(load, 1)),
  };
};

const coldRatio = async (
  bench: Bench,
  sums: ReadonlyMap<PartName, Sum>,
): Promise<number | undefined> => {
  const [single, many] = [sums.get("single"), sums.get("many")];
  if (single === undefined || many === undefined) return undefined;
  const count = Math.ceil(perSecond(many) * secondsPerTurn);
  const few = await behindCheckpoint(bench, parts.single, count);
  return ratioOf(await behindCheckpoint(bench, parts.many, count), few);
};

/** One after the other, until it is told to stop. */
const signUps = async ({ signUp }: BenchServer, { signal }: AbortController): Promise<void> => {
  if (signUpsPerSecond === 0) return;
  while (!signal.aborted) {
    await signUp();
    await delay(1000 / signUpsPerSecond);
  }
};

const main = async (): Promise<void> => {
  const asked = process.env["BENCH_PARTS"]?.split(",") ?? Object.keys(parts);
  const accounts = Math.max(manyAccounts, fewAccounts);
  const server = await startBenchServer({ accounts, hasPlans: asked.some(isOfPlan), budgets });
  const generator = new Worker(new URL("http-load.ts", import.meta.url));
  try {
    const postmaster = await postmasterOf(server.pool);
    const bench = { server, postmaster, generator };
    const stopping = new AbortController();
    const signingUp = signUps(server, stopping);
    console.log(JSON.stringify(await measure(bench, asked.filter(isPart)), null, 2));
    stopping.abort();
    await signingUp;
  } finally {
    await generator.terminate();
    await server.close();
  }
};

await main();
