import type { IngestOutcome, Window } from "./usage-store.ts";

/**
 * A backfill is measurements that are stored hidden, checked, and then count all at once, or never. What it has is told
 * apart from all other usage until then; its uids are a namespace of their own (docs/decisions/0013-backfills.md).
 */
export type BackfillState = "hidden" | "revealed" | "reverted" | "discarded";

export const backfillSteps = ["reveal", "revert", "discard"] as const;
export type BackfillStep = (typeof backfillSteps)[number];

/** Measurements that a backfill takes the place of: those that count when it is revealed. */
export interface ReplacedUsage {
  readonly meterIds: readonly string[];
  /** Absent: every account. */
  readonly accountIds?: readonly string[] | undefined;
  readonly window: Window;
}

export interface BackfillKey {
  readonly orgId: string;
  readonly backfillId: string;
}

export interface BackfillStepRequest extends BackfillKey {
  readonly step: BackfillStep;
  /** Of a reveal. */
  readonly replaces?: ReplacedUsage | undefined;
  readonly requestedBy: string;
  /** When the request arrived, in epoch milliseconds. */
  readonly receivedAtMs: number;
}

/**
 * `done`: durable and visible to queries, now or since an earlier request. `counted-twice`: a measurement with such a uid
 * counts already and would not be replaced; nothing has changed.
 */
export type BackfillOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "wrong-state"; readonly state: BackfillState }
  | { readonly kind: "counted-twice"; readonly uid: string }
  | Exclude<IngestOutcome, { kind: "accepted" | "invalid" | "overloaded" }>;

/** What a backfill has of one meter; voided and amended measurements as they would count. */
export interface BackfilledMeter {
  readonly meterId: string;
  readonly measurements: number;
  readonly accounts: number;
  /** Instants as ISO 8601 in UTC. */
  readonly firstTs: string;
  readonly lastTs: string;
  /** By the code of each number field that has values: an exact decimal in plain notation. */
  readonly sums: Readonly<Record<string, string>>;
}

export interface BackfillContents {
  readonly state: BackfillState;
  readonly meters: readonly BackfilledMeter[];
}

/** Batches of measurements that begin and cease to count as one. */
export interface UsageBackfills {
  /** Steps of one backfill are taken in their order; whatever the outcome, sending the same one again is safe. */
  stepBackfill(request: BackfillStepRequest): Promise<BackfillOutcome>;
  /** Whoever was never heard of is hidden and empty. */
  backfill(key: BackfillKey): Promise<BackfillContents>;
}
