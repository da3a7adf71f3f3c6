import type { UsageSource } from "./usage-store.ts";

/**
 * Names everything that a store held at a moment, beginning with the number of its last batch. A store that does not hold
 * all of it, such as another one or an older copy of the same, does not know the mark.
 */
export type UsageMark = string;

/** The number of the last batch; 0 where there was none. */
export const batchOf = (mark: UsageMark): number => Number.parseInt(mark, 10);

/** Measurements of a meter that something was calculated from. */
export interface WatchedUsage {
  readonly meterId: string;
  readonly sources: readonly UsageSource[];
  /** At the latest when they were read. */
  readonly since: UsageMark;
}

export interface ChangedRequest {
  readonly orgId: string;
  readonly watched: readonly WatchedUsage[];
}

/** Tells who calculated something whether it would come out the same today. */
export interface UsageChanges {
  /** Of everything that was accepted so far. */
  mark(): Promise<UsageMark>;
  /**
   * Places in the request, in ascending order: where a measurement of the sources was stored, voided or amended after
   * the mark, and where the store does not know the mark.
   */
  changed(request: ChangedRequest): Promise<readonly number[]>;
}
