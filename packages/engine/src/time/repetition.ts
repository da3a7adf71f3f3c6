import { later } from "./period.ts";

/** Times without an end, on both sides. */
export interface Times {
  /** The first one after an instant. */
  readonly next: (after: Temporal.Instant) => Temporal.Instant;
  /** The last one that is not after an instant. */
  readonly last: (at: Temporal.Instant) => Temporal.Instant;
}

/** Every so often, or at times that are named; in UTC, whose units have one length each. */
export type Repetition =
  | {
      readonly kind: "every";
      readonly unit: keyof typeof unitMinutes;
      /** In units. */
      readonly period: number;
      /** How far into a unit: minutes of an hour, hours of a day. */
      readonly offset?: number | undefined;
    }
  | { readonly kind: "named"; readonly times: Times };

export const unitMinutes = { MINUTE: 1, HOUR: 60, DAY: 24 * 60 } as const;
const offsetMinutes = { MINUTE: 0, HOUR: 1, DAY: 60 } as const;

type Every = Extract<Repetition, { kind: "every" }>;

const minuteMs = 60_000;
const instant = (ms: number): Temporal.Instant => Temporal.Instant.fromEpochMilliseconds(ms);

/** Times are counted from when it began or, with an offset, from that far into the unit in which it did. */
const origin = ({ unit, offset }: Every, since: Temporal.Instant): number => {
  const sinceMs = since.epochMilliseconds;
  if (offset === undefined) return sinceMs;
  const unitMs = unitMinutes[unit] * minuteMs;
  return Math.floor(sinceMs / unitMs) * unitMs + offset * offsetMinutes[unit] * minuteMs;
};

/** The last time that is not after an instant, also where that is before it began. */
const lastEvery = (every: Every, since: Temporal.Instant, at: Temporal.Instant): number => {
  const periodMs = every.period * unitMinutes[every.unit] * minuteMs;
  const originMs = origin(every, since);
  return originMs + Math.floor((at.epochMilliseconds - originMs) / periodMs) * periodMs;
};

/** The first time after an instant, of what began `since` then. */
export const nextTime = (
  repetition: Repetition,
  { since, after }: { since: Temporal.Instant; after: Temporal.Instant },
): Temporal.Instant => {
  if (repetition.kind === "named") return repetition.times.next(after);
  const { period, unit } = repetition;
  return instant(lastEvery(repetition, since, after)).add({ minutes: period * unitMinutes[unit] });
};

/**
 * Of the times from the one that is `owed` until `now`, the last: one run makes up for all that were missed. Only that
 * one where no other has come.
 */
export const lastTime = (
  repetition: Repetition,
  { since, owed, now }: { since: Temporal.Instant; owed: Temporal.Instant; now: Temporal.Instant },
): Temporal.Instant => {
  const last =
    repetition.kind === "named"
      ? repetition.times.last(now)
      : instant(lastEvery(repetition, since, now));
  return later(last, owed);
};
