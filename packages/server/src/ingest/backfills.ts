import type {
  BackfillKey,
  BackfillOutcome,
  BackfillState,
  BackfillStep,
  BackfillStepRequest,
  ReplacedUsage,
} from "../ports/usage-backfills.ts";
import type { StoredReplacement, UsageLog } from "../ports/usage-log.ts";
import type { IngestOutcome } from "../ports/usage-store.ts";
import type { LaneOutcome } from "./general-lane.ts";
import type { OpenGroup } from "./open-group.ts";

interface BackfillParts {
  readonly log: UsageLog;
  /** Lets entries be put into the open group and answers when it is durable. */
  readonly gather: (
    admit: (group: OpenGroup) => LaneOutcome,
    receivedAtMs: number,
  ) => Promise<IngestOutcome>;
}

/** From which state each step leads to which; a step to where the backfill is has been done. */
const steps: Readonly<Record<BackfillStep, { from: BackfillState; to: BackfillState }>> = {
  reveal: { from: "hidden", to: "revealed" },
  revert: { from: "revealed", to: "reverted" },
  discard: { from: "hidden", to: "discarded" },
};

const nothing: LaneOutcome = { stored: 0, failures: [] };

type ReplacedMicros = Omit<ReplacedUsage, "window"> & {
  readonly window: Pick<StoredReplacement, "start" | "end">;
};

/** A request on its way between threads: its window in epoch microseconds. */
export type BackfillStepQuestion = Omit<BackfillStepRequest, "replaces"> & {
  readonly replaces?: ReplacedMicros | undefined;
};

const keyOf = ({ orgId, backfillId }: BackfillKey): string => `${orgId}/${backfillId}`;

/**
 * Takes backfills from state to state, one step after the other. From the moment a step begins no measurement joins the
 * backfill, so that what is revealed is what was checked.
 */
export class Backfills {
  readonly #parts: BackfillParts;
  /** Whether measurements may join; not known of those that nobody asked about. */
  readonly #isOpen = new Map<string, boolean>();

  constructor(parts: BackfillParts) {
    this.#parts = parts;
  }

  /** Learns from the log whether measurements may join the backfill; from then on `mayJoin` knows. */
  async find(key: BackfillKey): Promise<void> {
    if (this.#isOpen.has(keyOf(key))) return;
    const { state } = await this.#parts.log.backfill(key);
    if (!this.#isOpen.has(keyOf(key))) this.#isOpen.set(keyOf(key), state === "hidden");
  }

  mayJoin(key: BackfillKey): boolean {
    return this.#isOpen.get(keyOf(key)) === true;
  }

  async step(request: BackfillStepQuestion): Promise<BackfillOutcome> {
    await this.find(request);
    const wasOpen = this.mayJoin(request);
    this.#isOpen.set(keyOf(request), false);
    let isClosed = false;
    try {
      const outcome = await this.#step(request);
      isClosed = outcome.kind === "done";
      return outcome;
    } finally {
      if (!isClosed) this.#isOpen.set(keyOf(request), wasOpen);
    }
  }

  async #step(request: BackfillStepQuestion): Promise<BackfillOutcome> {
    const { orgId, backfillId, step, requestedBy, receivedAtMs } = request;
    const { gather, log } = this.#parts;
    // Its last measurements may be in a group that is still on its way.
    await gather(() => nothing, receivedAtMs);
    const replaces = request.replaces && this.#stored(orgId, request.replaces);
    const isReveal = step === "reveal";
    const { state, countedTwice } = await log.backfill(
      request,
      isReveal ? { replaces } : undefined,
    );
    const { from, to } = steps[step];
    if (state === to) return { kind: "done" };
    if (state !== from) return { kind: "wrong-state", state };
    if (countedTwice !== undefined) return { kind: "counted-twice", uid: countedTwice };
    const entry = { orgId, backfillId, step, requestedBy, ...(replaces && { replaces }) };
    const committed = await gather((group) => {
      group.step(entry);
      return nothing;
    }, receivedAtMs);
    if (committed.kind === "accepted") return { kind: "done" };
    if (committed.kind === "storage-full" || committed.kind === "unavailable") return committed;
    throw new Error("a group that has no bodies is neither invalid nor too large");
  }

  /** An account that is unknown to the log has no usage to be replaced, but may have some by the time of the reveal. */
  #stored(orgId: string, { meterIds, accountIds, window }: ReplacedMicros): StoredReplacement {
    const accounts = accountIds?.map((id) => this.#parts.log.accountNumber(orgId, id));
    return {
      meterIds,
      ...(accounts && { accounts }),
      ...window,
    };
  }
}
