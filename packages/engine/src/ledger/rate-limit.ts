import type { Scope } from "./scope.ts";

/**
 * In any window of `windowMs` at most `limit + burst` requests pass (I27), and over long times `limit`
 * per window: what exceeds it is a burst that refills at that rate.
 */
export interface RateLimit {
  readonly id: string;
  readonly code: string;
  readonly scope: Scope;
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
}

/**
 * How many requests passed in each slot of the window, and the bucket's level as an arrival time. Both are times, which
 * mean the same when the limit has changed since.
 */
export interface RateBucket {
  readonly id: string;
  /** When the bucket will be full again, in nanoseconds: the theoretical arrival time of GCRA. */
  readonly fullAtNs: bigint;
  /** [when the last of them passed, requests], oldest first. */
  readonly slots: readonly (readonly [lastMs: number, count: number])[];
}

/** A slot counts until the last of it has left the window: late by one slot at most, never early. */
const slotsPerWindow = 60;

const slotOf = (limit: RateLimit, at: number): number =>
  Math.floor(at / Math.max(1, Math.ceil(limit.windowMs / slotsPerWindow)));

const capacityOf = (limit: RateLimit): number => limit.limit + limit.burst;

const intervalNs = (limit: RateLimit): bigint =>
  (BigInt(limit.windowMs) * 1_000_000n + BigInt(limit.limit) - 1n) / BigInt(limit.limit);

export const emptyBucket = (limit: RateLimit): RateBucket => ({
  id: limit.id,
  fullAtNs: 0n,
  slots: [],
});

const liveSlots = (limit: RateLimit, bucket: RateBucket, now: number): RateBucket["slots"] =>
  bucket.slots.filter(([lastMs]) => lastMs > now - limit.windowMs);

/** The last request left the bucket empty at most, at whatever rate it was filled then. */
const levelNs = (limit: RateLimit, { fullAtNs, slots }: RateBucket): bigint => {
  const lastNs = BigInt(slots.at(-1)?.[0] ?? 0) * 1_000_000n;
  const latest = lastNs + intervalNs(limit) * BigInt(capacityOf(limit));
  return fullAtNs < latest ? fullAtNs : latest;
};

/** When the next request may pass: `now` or earlier means at once. */
export const retryAt = (limit: RateLimit, bucket: RateBucket, now: number): number => {
  if (capacityOf(limit) === 0 || limit.limit === 0) return Number.MAX_SAFE_INTEGER;
  const tolerance = intervalNs(limit) * BigInt(capacityOf(limit) - 1);
  const byLevel = Number((levelNs(limit, bucket) - tolerance + 999_999n) / 1_000_000n);
  const live = liveSlots(limit, bucket, now);
  let excess = live.reduce((total, [, count]) => total + count, 0) - capacityOf(limit) + 1;
  let bySlots = now;
  for (const [lastMs, count] of live) {
    if (excess <= 0) break;
    excess -= count;
    bySlots = lastMs + limit.windowMs;
  }
  return Math.max(byLevel, bySlots);
};

export const takeToken = (limit: RateLimit, bucket: RateBucket, now: number): RateBucket => {
  const nowNs = BigInt(now) * 1_000_000n;
  const level = levelNs(limit, bucket);
  const from = level > nowNs ? level : nowNs;
  const live = liveSlots(limit, bucket, now);
  const last = live.at(-1);
  const at = Math.max(now, last?.[0] ?? 0);
  const slots: RateBucket["slots"] =
    last !== undefined && slotOf(limit, last[0]) === slotOf(limit, at)
      ? [...live.slice(0, -1), [at, last[1] + 1]]
      : [...live, [at, 1]];
  return { id: bucket.id, fullAtNs: from + intervalNs(limit), slots };
};
