import type { Authorization, EpochMs } from "./rows.ts";

/** A hold or session also ends when nothing is reported for its idle timeout. */
export const lifeMs = (terms: {
  readonly ttlMs: number;
  readonly idleTimeoutMs: number | null;
}): number => Math.min(terms.ttlMs, terms.idleTimeoutMs ?? terms.ttlMs);

/**
 * Until when it stands once a part of it was reported: an idle timeout begins again, within the time that a hold was opened
 * for. How long one was extended for is not kept: it stands as long as it is reported on.
 */
export const validAfterReport = (
  { terms, validUntil }: Pick<Authorization, "terms" | "validUntil">,
  now: EpochMs,
): EpochMs | null => {
  if (terms.idleTimeoutMs === null || validUntil === null) return validUntil;
  const opened = terms.authorizedAt + terms.ttlMs;
  const isBound = terms.mode !== "session" && validUntil <= opened;
  const idle = now + lifeMs(terms);
  return Math.max(validUntil, isBound ? Math.min(idle, opened) : idle);
};
