import { Cron as Pattern } from "croner";
import type { Times } from "@turnpike/engine/time/repetition.ts";

const minuteMs = 60_000;
/** A day has no more times that lie 15 minutes apart, and one more is the next day's first. */
const timesLookedAt = 24 * 4 + 2;
/** Where leap years are. */
const someDay = new Date("2000-01-01T00:00:00Z");

const instantOf = (date: Date): Temporal.Instant =>
  Temporal.Instant.fromEpochMilliseconds(date.getTime());
const dateOf = (at: Temporal.Instant): Date => new Date(at.epochMilliseconds);

/** Times of UTC that a cron expression of five fields names. */
export interface Cron extends Times {
  /** The shortest time between two of them, as far as one day and the next show it. */
  readonly shortestGapMs: number;
}

const isFound = (date: Date | null | undefined): date is Date =>
  date !== null && date !== undefined;

/** Undefined of an expression that names no time that comes, such as February 30. Throws what is wrong with any other text. */
const readCron = (expression: string): Cron | undefined => {
  const pattern = new Pattern(expression, { mode: "5-part", utcOffset: 0, paused: true });
  const times = pattern.nextRuns(timesLookedAt, someDay).map((date) => date.getTime());
  if (times.length === 0) return undefined;
  const found = (date: Date | null | undefined): Temporal.Instant => {
    if (!isFound(date)) throw new Error(`the times of ${expression} have an end`);
    return instantOf(date);
  };
  return {
    shortestGapMs: Math.min(...times.slice(1).map((time, nth) => time - (times[nth] ?? 0))),
    next: (after) => found(pattern.nextRun(dateOf(after))),
    // The library's previous times are those before: the minute that has begun is the last one's.
    last: (at) => {
      const nextMinute = Math.floor(at.epochMilliseconds / minuteMs + 1) * minuteMs;
      return found(pattern.previousRuns(1, new Date(nextMinute))[0]);
    },
  };
};

/** What a cron expression says, or what is wrong with it. */
export const parseCron = (
  expression: string,
): { readonly cron: Cron } | { readonly fault: string } => {
  try {
    const cron = readCron(expression);
    return cron === undefined ? { fault: "must name times that come" } : { cron };
  } catch (error) {
    return { fault: `cannot be read: ${error instanceof Error ? error.message : "unknown"}` };
  }
};
