import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type {
  BackfillContents,
  BackfillKey,
  BackfillOutcome,
  BackfillStepRequest,
} from "../../ports/usage-backfills.ts";
import { ReadAhead } from "../../ingest/read-ahead.ts";
import type { UsageDirectory } from "../../ports/usage-directory.ts";
import type {
  AggregateRequest,
  CorrectionOutcome,
  CorrectionRequest,
  CustomSqlChecker,
  IngestedMeasurement,
  IngestedRequest,
  IngestOutcome,
  IngestRequest,
  JointAggregateRequest,
  JointQuantity,
  Quantity,
  UsageGroup,
  UsageQuery,
  UsageQueryAnswer,
  ScanRequest,
  ScanPage,
  UsageSource,
  UsageStore,
  Window,
} from "../../ports/usage-store.ts";
import type { BreakdownAnswer, BreakdownRequest } from "../../ports/usage-breakdown.ts";
import type { ChangedRequest, UsageMark } from "../../ports/usage-changes.ts";
import { DirectoryInUse } from "../../ports/usage-store.ts";
import type { MicrosWindow } from "./relation.ts";
import type { UsageMemory } from "./memory.ts";
import type { MoveOptions } from "./follower.ts";
import { type PackedRows, packRows } from "./packed-rows.ts";
import { ThreadChannel } from "./thread-channel.ts";
import type {
  DirectoryCalls,
  StartReport,
  UsageCalls,
  UsageWorkerStart,
} from "./worker-protocol.ts";

export interface UsageStoreOptions {
  /** The DuckDB file; its folder exists. */
  readonly path: string;
  readonly directory: UsageDirectory;
  /** The module that the usage thread runs. */
  readonly worker: URL;
  readonly startedAtMs: number;
  /** Bytes of bodies taken in but not yet answered; more are refused as `overloaded`. */
  readonly pendingBytesMax?: number;
  /** DuckDB's own limit, such as `2GB`. */
  readonly memoryLimit?: string;
  readonly threads?: number;
  /** Bodies of so many bytes are read before the usage thread gets them. */
  readonly aheadBytesMin?: number;
  /** When rows are moved from memory into the file. */
  readonly moves?: MoveOptions;
  /** Is told where the file is that was damaged, which is made again from the journal. */
  readonly onDamage?: (path: string) => void;
}

/** Tells what the memory of the usage thread consists of. */
interface MemoryMeter {
  memory(): Promise<UsageMemory>;
}

const pendingBytesDefault = 64 * 1024 * 1024;
/** A smaller body is read in less time than it takes to hand its rows over. */
const aheadBytesMinDefault = 4096;
const memoryLimitDefault = "2GB";
const threadsDefault = 2;
const movesDefault = { quietMs: 1000, rowsMin: 200_000 };

/**
 * Opens the usage store: a thread of its own owns the DuckDB file, writes and answers queries. Ordinary bodies are read here,
 * all others there.
 * Throws `DirectoryInUse` when another process has the file.
 */
export const openUsageStore = async (
  options: UsageStoreOptions,
): Promise<UsageStore & CustomSqlChecker & MemoryMeter> => {
  const { path, startedAtMs } = options;
  const start: UsageWorkerStart = {
    path,
    startedAtMs,
    memoryLimit: options.memoryLimit ?? memoryLimitDefault,
    threads: options.threads ?? threadsDefault,
    moves: options.moves ?? movesDefault,
  };
  const worker = new Worker(options.worker, { workerData: start });
  // The thread reports before it does anything else on its port; an error event rejects.
  const [report]: StartReport[] = await once(worker, "message");
  if (report?.kind === "open") return new DuckDbUsageStore({ worker, report }, options);
  await worker.terminate();
  if (report?.kind === "in-use") throw new DirectoryInUse(path);
  throw new Error(`The usage store ${path} does not open`, { cause: report?.error });
};

class DuckDbUsageStore implements UsageStore, CustomSqlChecker, MemoryMeter {
  readonly #worker: Worker;
  readonly #channel: ThreadChannel<UsageCalls, DirectoryCalls>;
  readonly #pendingBytesMax: number;
  readonly #ahead: ReadAhead;
  readonly #aheadBytesMin: number;
  readonly #stopListening: () => void;
  #pendingBytes = 0;

  constructor(
    { worker, report }: { worker: Worker; report: StartReport & { kind: "open" } },
    { directory, pendingBytesMax, aheadBytesMin, onDamage }: UsageStoreOptions,
  ) {
    this.#worker = worker;
    this.#ahead = new ReadAhead(report.secret);
    this.#aheadBytesMin = aheadBytesMin ?? aheadBytesMinDefault;
    this.#pendingBytesMax = pendingBytesMax ?? pendingBytesDefault;
    this.#channel = new ThreadChannel({
      port: worker,
      handlers: {
        meters: ({ orgId, codes }) => directory.meters(orgId, codes),
        accounts: ({ orgId, codes }) => directory.accounts(orgId, codes),
        codes: ({ orgId, ids }) => directory.codes(orgId, ids),
        customFields: ({ orgId, of }) => directory.customFields(orgId, of),
        lookups: ({ orgId, lookups }) => directory.lookups(orgId, lookups),
        learned: async (lesson) => this.#ahead.learn(lesson),
        damaged: async (path) => onDamage?.(path),
      },
      defer: setImmediate,
    });
    const onGone = (cause: unknown): void =>
      this.#channel.break(new Error("The usage thread has stopped", { cause }));
    worker.on("error", onGone);
    worker.on("exit", onGone);
    this.#stopListening = directory.onChange((change) => {
      // A thread that is gone has no cache left to be wrong.
      this.#channel.call("directoryChanged", change).catch(() => undefined);
    });
  }

  async ingest(request: IngestRequest): Promise<IngestOutcome> {
    const body = owned(request.body);
    if (this.#pendingBytes + body.byteLength > this.#pendingBytesMax) return { kind: "overloaded" };
    this.#pendingBytes += body.byteLength;
    const { byteLength } = body;
    try {
      const ahead = this.#readAhead(request);
      const memory = ahead === undefined ? [body.buffer] : [body.buffer, ahead.bytes.buffer];
      const outcome = this.#channel.call("ingest", { ...request, body, ahead }, memory);
      // The usage thread can begin while the next body of this turn is read.
      if (ahead !== undefined) this.#channel.flush();
      return await outcome;
    } catch (error) {
      return unavailable(error);
    } finally {
      this.#pendingBytes -= byteLength;
    }
  }

  #readAhead(request: IngestRequest): PackedRows | undefined {
    const { orgId, body, format, encoding, backfillId } = request;
    const isOrdinary = format === "json" && encoding === "identity" && backfillId === undefined;
    if (!isOrdinary || body.byteLength < this.#aheadBytesMin) return undefined;
    const rows = this.#ahead.read(orgId, request);
    return rows && packRows(rows);
  }

  correct(request: CorrectionRequest): Promise<CorrectionOutcome> {
    return this.#channel.call("correct", request).catch(unavailable);
  }

  async ingested(request: IngestedRequest): Promise<ReadonlyMap<string, IngestedMeasurement>> {
    const stored = await this.#channel.call("ingested", request);
    return new Map(
      [...stored].map(([uid, { tsMicros, etsMicros, ...content }]) => {
        const ets = etsMicros === undefined ? undefined : instantOf(BigInt(etsMicros));
        return [uid, { ...content, ts: instantOf(BigInt(tsMicros)), ets }];
      }),
    );
  }

  stepBackfill(request: BackfillStepRequest): Promise<BackfillOutcome> {
    const { replaces } = request;
    const question = {
      ...request,
      replaces: replaces && { ...replaces, window: microsOf(replaces.window) },
    };
    return this.#channel.call("stepBackfill", question).catch(unavailable);
  }

  backfill(key: BackfillKey): Promise<BackfillContents> {
    return this.#channel.call("backfill", key);
  }

  aggregate(request: AggregateRequest): Promise<readonly Quantity[]> {
    return this.#channel.call("aggregate", { ...request, window: microsOf(request.window) });
  }

  aggregateJointly(request: JointAggregateRequest): Promise<readonly JointQuantity[]> {
    const groups = request.groups.map((sources) => sources.map(microsOfSource));
    return this.#channel.call("aggregateJointly", { ...request, groups });
  }

  breakDown(request: BreakdownRequest): Promise<BreakdownAnswer> {
    const sources = request.sources.map(microsOfSource);
    return this.#channel.call("breakDown", { ...request, sources });
  }

  mark(): Promise<UsageMark> {
    return this.#channel.call("mark", undefined);
  }

  changed({ orgId, watched }: ChangedRequest): Promise<readonly number[]> {
    const question = watched.map((one) => ({ ...one, sources: one.sources.map(microsOfSource) }));
    return this.#channel.call("changed", { orgId, watched: question });
  }

  async query(query: UsageQuery): Promise<UsageQueryAnswer> {
    const question = { ...query, window: microsOf(query.window) };
    const answer = await this.#channel.call("query", question);
    if (answer.kind === "failed") return answer;
    if (answer.kind === "groups") {
      const groups: UsageGroup[] = JSON.parse(answer.printed);
      return { kind: "groups", groups, hasMore: answer.hasMore };
    }
    const events = answer.events.map((event) => ({
      ...event,
      ts: instantOf(event.ts),
      ets: event.ets === undefined ? undefined : instantOf(event.ets),
      receivedAt: instantOf(event.receivedAt),
    }));
    return { ...answer, events };
  }

  scan(request: ScanRequest): Promise<ScanPage> {
    const sources = request.sources.map(microsOfSource);
    return this.#channel.call("scan", { ...request, sources });
  }

  faultOfSql(query: Parameters<CustomSqlChecker["faultOfSql"]>[0]): Promise<string | undefined> {
    return this.#channel.call("faultOfSql", query);
  }

  memory(): Promise<UsageMemory> {
    return this.#channel.call("memory", undefined);
  }

  async close(): Promise<void> {
    this.#stopListening();
    try {
      await this.#channel.call("close", undefined);
    } finally {
      await this.#worker.terminate();
    }
  }
}

const unavailable = (error: unknown) => ({
  kind: "unavailable" as const,
  reason: error instanceof Error ? error.message : String(error),
});

/** A body in memory of its own, which can be handed to the other thread; small Node buffers share a pool. */
const owned = (body: Uint8Array): Uint8Array<ArrayBuffer> => {
  const { buffer, byteOffset, byteLength } = body;
  return buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(body);
};

/** The first microsecond that is not before the instant: with it, windows keep their half-open meaning. */
const microsFrom = (instant: Temporal.Instant): number => {
  const nanos = instant.epochNanoseconds;
  const floor = nanos / 1000n;
  return Number(nanos > floor * 1000n ? floor + 1n : floor);
};

const instantOf = (micros: bigint): Temporal.Instant =>
  Temporal.Instant.fromEpochNanoseconds(micros * 1000n);

const microsOf = ({ start, end }: Window): MicrosWindow => ({
  start: microsFrom(start),
  end: microsFrom(end),
});

const microsOfSource = ({ accountId, window }: UsageSource) => ({
  accountId,
  window: microsOf(window),
});
