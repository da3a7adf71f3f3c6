/** Dates and amounts of a balance's schedules (m3ter semantics 16.5). A preview is the same list. */

import { type Decimal, one } from "../exact/decimal.ts";
import {
  boundary,
  boundaryIndex,
  type Cadence,
  localDate,
  type RepeatingFrequency,
  startOfDay,
} from "../time/cadence.ts";
import { dayCount } from "../time/day-count.ts";
import { isBefore, type Period } from "../time/period.ts";

export interface TransactionSchedule {
  readonly frequency: RepeatingFrequency;
  readonly interval: number;
  /** First entry at the start; none at or after the end. */
  readonly period: Period;
  readonly zone: string;
}

const stepped = (
  start: Temporal.ZonedDateTime,
  frequency: RepeatingFrequency,
  steps: number,
): Temporal.ZonedDateTime => {
  switch (frequency) {
    case "DAILY":
      return start.add({ days: steps });
    case "WEEKLY":
      return start.add({ weeks: steps });
    case "MONTHLY":
      return start.add({ months: steps });
    case "ANNUALLY":
      return start.add({ years: steps });
  }
};

/** Start + n × interval × frequency, before the end, at the start's local time of day. */
export const transactionInstants = (schedule: TransactionSchedule): readonly Temporal.Instant[] => {
  const start = schedule.period.start.toZonedDateTimeISO(schedule.zone);
  const instants: Temporal.Instant[] = [];
  for (let n = 0; ; n += 1) {
    const at = stepped(start, schedule.frequency, n * schedule.interval).toInstant();
    if (!isBefore(at, schedule.period.end)) return instants;
    instants.push(at);
  }
};

/** The last entry at or before now, and the first one after it. */
export const runsAround = (
  instants: readonly Temporal.Instant[],
  now: Temporal.Instant,
): {
  readonly previousRun?: Temporal.Instant | undefined;
  readonly nextRun?: Temporal.Instant | undefined;
} => ({
  previousRun: instants.findLast((at) => !isBefore(now, at)),
  nextRun: instants.find((at) => isBefore(now, at)),
});

export interface ChargeSchedule {
  readonly frequency: RepeatingFrequency;
  readonly interval: number;
  /** Where slices are cut; absent: counted from the service period's first day. */
  readonly billEpoch?: Temporal.PlainDate | undefined;
  readonly servicePeriod: Period;
  readonly billInAdvance: boolean;
  /** Per charge: the stated amount, or units × unitPrice. */
  readonly amount: Decimal;
  readonly zone: string;
}

export interface ScheduledCharge {
  readonly billDate: Temporal.PlainDate;
  readonly amount: Decimal;
  readonly servicePeriod: Period;
}

/** Whether a last slice that is cut short costs its share of days; off by default ([R], 16.5). */
export const proratesLastSlice = false;

const sliceAt = (
  cadence: Cadence,
  { zone, servicePeriod }: ChargeSchedule,
  index: number,
): Period & { readonly whole: Period } => {
  const whole = {
    start: startOfDay(boundary(cadence, index), zone),
    end: startOfDay(boundary(cadence, index + 1), zone),
  };
  return {
    start: isBefore(whole.start, servicePeriod.start) ? servicePeriod.start : whole.start,
    end: isBefore(servicePeriod.end, whole.end) ? servicePeriod.end : whole.end,
    whole,
  };
};

/** One charge per slice of the service period, dated at the slice's start (advance) or end (arrears). */
export const scheduledCharges = (
  schedule: ChargeSchedule,
  prorates: boolean = proratesLastSlice,
): readonly ScheduledCharge[] => {
  const { zone, servicePeriod, frequency, interval } = schedule;
  const firstDay = localDate(servicePeriod.start, zone);
  const cadence: Cadence = { anchor: schedule.billEpoch ?? firstDay, frequency, interval };
  const charges: ScheduledCharge[] = [];
  for (let index = boundaryIndex(cadence, firstDay); ; index += 1) {
    const slice = sliceAt(cadence, schedule, index);
    if (!isBefore(slice.start, servicePeriod.end)) return charges;
    const isCut = isBefore(slice.end, slice.whole.end);
    const share = prorates && isCut ? dayCount(slice, zone).div(dayCount(slice.whole, zone)) : one;
    charges.push({
      billDate: localDate(schedule.billInAdvance ? slice.start : slice.end, zone),
      amount: schedule.amount.times(share),
      servicePeriod: { start: slice.start, end: slice.end },
    });
  }
};
