import type { BackfillOutcome } from "../ports/usage-backfills.ts";
import type { UsageDirectory } from "../ports/usage-directory.ts";
import type { CommitOutcome, StoredContent, UsageLog } from "../ports/usage-log.ts";
import type {
  CorrectionOutcome,
  CorrectionRequest,
  IngestedRequest,
  IngestOutcome,
  IngestRequest,
} from "../ports/usage-store.ts";
import { Backfills, type BackfillStepQuestion } from "./backfills.ts";
import { inflateBody, inflatedBytesAtMost, readMeasurements } from "./body.ts";
import { Corrections } from "./corrections.ts";
import { DirectoryCache } from "./directory-cache.ts";
import { createDoor } from "./door.ts";
import { Express } from "./express.ts";
import { GeneralLane } from "./general-lane.ts";
import type { LaneOutcome } from "./general-lane.ts";
import { noSpareMemory, OpenGroup, type SpareMemory } from "./open-group.ts";
import type { Lesson, RowsAhead } from "./read-ahead.ts";
import { UidMemory } from "./uid-memory.ts";

/** Of bodies that came compressed, together. */
const inflatingBytesMax = 64 * 1024 * 1024;

/**
 * Takes request bodies to durable rows: read, look up, deduplicate, gather into a group, commit the group. While the
 * log commits a group, the next one is gathered; what waits for a group is answered when it is durable. A commit that
 * fails takes the gathered group with it, because its duplicates were judged by marks that are taken back.
 */
export class IngestPipeline {
  readonly #directory: DirectoryCache;
  readonly #log: UsageLog;
  readonly #uids: UidMemory;
  readonly #general: GeneralLane;
  readonly #express: Express;
  readonly #corrections: Corrections;
  readonly #backfills: Backfills;
  readonly #inflating = createDoor(inflatingBytesMax);
  #open: OpenGroup;
  #spare: SpareMemory = noSpareMemory();
  #committing: Promise<void> | undefined;

  /** Lessons are for who reads bodies ahead. */
  constructor(directory: UsageDirectory, log: UsageLog, teach: (lesson: Lesson) => void) {
    this.#directory = new DirectoryCache(directory);
    this.#log = log;
    this.#uids = new UidMemory(log.secret);
    const parts = { directory: this.#directory, log, uids: this.#uids };
    this.#general = new GeneralLane(parts);
    this.#express = new Express(parts, teach);
    const gather = (admit: (group: OpenGroup) => LaneOutcome, receivedAtMs: number) =>
      this.#commit(admit(this.#open), receivedAtMs);
    this.#corrections = new Corrections({ ...parts, general: this.#general, gather });
    this.#backfills = new Backfills({ log, gather });
    this.#open = new OpenGroup(log.nextPosition());
  }

  /** Remembers the uids that the log holds from the dedupe window before `nowMs`. */
  recall(nowMs: number): Promise<void> {
    return this.#uids.recall(this.#log, nowMs);
  }

  /** Of memory, for the uids of the dedupe window. */
  get uidBytes(): number {
    return this.#uids.bytes;
  }

  ingest(request: IngestRequest, ahead?: RowsAhead): Promise<IngestOutcome> {
    const take = (): Promise<IngestOutcome> => this.#take(request, ahead);
    const { encoding, body } = request;
    return encoding === "identity" ? take() : this.#inflating(inflatedBytesAtMost(body), take);
  }

  async #take(request: IngestRequest, ahead: RowsAhead | undefined): Promise<IngestOutcome> {
    const inflated = await inflateBody(request);
    if (inflated.kind === "invalid") return inflated;
    const { orgId, format, receivedAtMs, backfillId } = request;
    const { bytes } = inflated;
    if (format === "json" && backfillId === undefined) {
      const ordinary = { orgId, receivedAtMs, body: bytes, ahead };
      const outcome = this.#express.admit(ordinary, this.#open);
      if (outcome !== undefined) return this.#commit(outcome, receivedAtMs);
    }
    const read = readMeasurements(bytes, format);
    if (read.kind === "invalid") return read;
    if (backfillId !== undefined) await this.#backfills.find({ orgId, backfillId });
    const origin = { orgId, receivedAtMs, backfillId };
    const batch = await this.#general.resolve(origin, read.measurements);
    const isClosed = backfillId !== undefined && !this.#backfills.mayJoin({ orgId, backfillId });
    if (isClosed) return closed;
    return this.#commit(this.#general.admit(batch, this.#open), receivedAtMs);
  }

  /** Voids or amends a measurement. */
  correct(request: CorrectionRequest): Promise<CorrectionOutcome> {
    return this.#corrections.correct(request);
  }

  /** By uid, what was stored last with it. */
  ingested(request: IngestedRequest): Promise<ReadonlyMap<string, StoredContent>> {
    return this.#corrections.ingested(request);
  }

  /** Reveals, reverts or discards a backfill. */
  stepBackfill(request: BackfillStepQuestion): Promise<BackfillOutcome> {
    return this.#corrections.inTurn(() => this.#backfills.step(request));
  }

  /** Waits until everything that was taken in has been answered. */
  async drain(): Promise<void> {
    await this.#corrections.settled();
    await this.#committing;
    this.#directory.stop();
  }

  /** Answers when the group that holds the request's measurements, or the originals of its duplicates, is durable. */
  async #commit({ stored, failures }: LaneOutcome, receivedAtMs: number): Promise<IngestOutcome> {
    const outcome = this.#open.join(receivedAtMs);
    this.#committing ??= this.#commitAll();
    const committed = await outcome;
    if (committed.kind === "committed") return { kind: "accepted", stored, failures };
    return committed.kind === "failed"
      ? { kind: "unavailable", reason: committed.reason }
      : committed;
  }

  async #commitAll(): Promise<void> {
    // Bodies that arrived together are read before the first commit begins.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#open.isAwaited) {
      const group = this.#open;
      this.#open = new OpenGroup(group.nextPosition, this.#spare);
      const outcome = await this.#append(group);
      this.#spare = group.spareMemory;
      if (outcome.kind === "committed") {
        group.settle(outcome);
        continue;
      }
      const gathered = this.#open;
      this.#open = new OpenGroup(this.#log.nextPosition());
      group.fail(outcome, this.#uids);
      gathered.fail(outcome, this.#uids);
    }
    this.#committing = undefined;
  }

  async #append(group: OpenGroup): Promise<CommitOutcome> {
    const sealed = group.sealed();
    return sealed.count === 0 ? { kind: "committed" } : this.#log.append(sealed);
  }
}

const closed: IngestOutcome = {
  kind: "invalid",
  errors: [{ field: "id", message: "names a backfill that is no longer hidden" }],
};
