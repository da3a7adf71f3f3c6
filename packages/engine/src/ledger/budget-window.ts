import { type BillingPeriods, billingPeriodAt } from "../time/billing-periods.ts";
import type { Scope } from "./scope.ts";

/** Half-open; an open end is null. */
export interface Window {
  readonly start: number;
  readonly end: number | null;
}

export type CalendarUnit = "hour" | "day" | "week" | "month";

export type WindowRule =
  | { readonly kind: CalendarUnit }
  /** Of whom the scope names: in the zone of the periods and from their own epochs. */
  | { readonly kind: "billingPeriod"; readonly periods: BillingPeriods }
  | { readonly kind: "lifetime" }
  | { readonly kind: "rolling"; readonly durationMs: number };

export interface Budget {
  readonly id: string;
  /** What answers call it. */
  readonly code: string;
  readonly scope: Scope;
  /** Atoms of an asset, or a unit of usage at 12 digits after the point. */
  readonly counts: { readonly asset: string } | { readonly unit: string };
  readonly window: WindowRule;
  /** IANA zone. */
  readonly zone: string;
  /** Local date and time that windows are counted from; null for the calendar's own start. */
  readonly anchor: string | null;
  readonly limit: bigint;
  readonly mode: "hard" | "soft";
  readonly alertPercents: readonly number[];
}

/** Windows are counted from here, in the budget's zone; a week starts on a Monday. */
const defaultAnchors: Readonly<Record<CalendarUnit, string>> = {
  hour: "1970-01-01T00:00",
  day: "1970-01-01T00:00",
  week: "1970-01-05T00:00",
  month: "1970-01-01T00:00",
};

/** A rolling window moves in steps of a sixtieth: a slot counts until all of it has left the window. */
const rollingSlots = 60;

const rollingSlotMs = (durationMs: number): number =>
  Math.max(1, Math.ceil(durationMs / rollingSlots));

/** The earliest that a slot can have begun of which something is still in the rolling window that ends at `now`. */
export const firstLiveSlot = (durationMs: number, now: number): number =>
  Math.floor(now - durationMs - rollingSlotMs(durationMs)) + 1;

/** Whether nothing of a rolling budget's slot is in a window any more that ends at `now` or later. */
export const hasLeft = ({ window }: Budget, slotStart: number, now: number): boolean =>
  window.kind === "rolling" && slotStart < firstLiveSlot(window.durationMs, now);

/** The last window of each budget: it answers for most moments that follow, and changes no answer. */
const lastWindows = new WeakMap<Budget, Window>();

export const windowAt = (budget: Budget, now: number): Window => {
  const last = lastWindows.get(budget);
  if (last !== undefined && last.start <= now && (last.end === null || now < last.end)) return last;
  const window = computedWindow(budget, now);
  lastWindows.set(budget, window);
  return window;
};

/**
 * The window that contains `now`. Calendar windows are disjoint, cover time and follow the zone's
 * clock changes, because each boundary is computed from the anchor in local time (I21).
 * For a rolling budget it is the slot that new use is counted in.
 */
const computedWindow = (budget: Budget, now: number): Window => {
  const rule = budget.window;
  switch (rule.kind) {
    case "lifetime":
      return { start: 0, end: null };
    case "billingPeriod": {
      const at = Temporal.Instant.fromEpochMilliseconds(now);
      const { start, end } = billingPeriodAt(rule.periods, at);
      return { start: start.epochMilliseconds, end: end.epochMilliseconds };
    }
    case "rolling": {
      const slot = rollingSlotMs(rule.durationMs);
      const start = Math.floor(now / slot) * slot;
      return { start, end: start + slot };
    }
    case "hour":
      return hourWindow(budget, now);
    case "day":
    case "week":
    case "month":
      return calendarWindow(budget, rule.kind, now);
  }
};

const hourMs = 3_600_000;

/**
 * An hour of elapsed time that begins when the clock on the wall shows the anchor's minute: when clocks go back an hour, the
 * repeated one is a window of its own. Where they move by another time than hours, a window ends and the next begins.
 */
const hourWindow = ({ anchor, zone }: Budget, now: number): Window => {
  const moment = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(zone);
  const first = Temporal.PlainDateTime.from(anchor ?? defaultAnchors.hour);
  const firstMs = first.toZonedDateTime("UTC").epochMilliseconds;
  const sinceFirstMs = now + moment.offsetNanoseconds / 1_000_000 - firstMs;
  const start = now - (((sinceFirstMs % hourMs) + hourMs) % hourMs);
  const last = moment.add({ nanoseconds: 1 }).getTimeZoneTransition("previous");
  const next = moment.getTimeZoneTransition("next");
  return {
    start: Math.max(start, movesMinutes(last) ? last.epochMilliseconds : start),
    end: Math.min(start + hourMs, movesMinutes(next) ? next.epochMilliseconds : start + hourMs),
  };
};

/** Whether clocks show another minute from then on, and not just another hour. */
const movesMinutes = (change: Temporal.ZonedDateTime | null): change is Temporal.ZonedDateTime => {
  if (change === null) return false;
  const before = change.subtract({ nanoseconds: 1 });
  return (change.offsetNanoseconds - before.offsetNanoseconds) % (hourMs * 1_000_000) !== 0;
};

type DaysUnit = Exclude<CalendarUnit, "hour">;

const calendarWindow = (budget: Budget, unit: DaysUnit, now: number): Window => {
  const anchor = Temporal.PlainDateTime.from(budget.anchor ?? defaultAnchors[unit]);
  const boundary = (count: number): number =>
    boundaryAt(anchor, { unit, zone: budget.zone, count });
  let count = estimatedCount(anchor, { unit, zone: budget.zone, now });
  while (boundary(count) > now) count -= 1;
  while (boundary(count + 1) <= now) count += 1;
  return { start: boundary(count), end: boundary(count + 1) };
};

/** A local time that a clock change skips becomes the first instant after the gap. */
const boundaryAt = (
  anchor: Temporal.PlainDateTime,
  step: { readonly unit: DaysUnit; readonly zone: string; readonly count: number },
): number =>
  anchor.add({ [`${step.unit}s`]: step.count }).toZonedDateTime(step.zone).epochMilliseconds;

const estimatedCount = (
  anchor: Temporal.PlainDateTime,
  at: { readonly unit: DaysUnit; readonly zone: string; readonly now: number },
): number => {
  const moment = Temporal.Instant.fromEpochMilliseconds(at.now).toZonedDateTimeISO(at.zone);
  const since = anchor.until(moment.toPlainDateTime(), { largestUnit: at.unit });
  return { day: since.days, week: since.weeks, month: since.months }[at.unit];
};
