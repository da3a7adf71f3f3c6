import { type BillingSchedule, servicePeriodAt } from "./bill-period.ts";
import { boundary, boundaryIndex, type Cadence, localDate, startOfDay } from "./cadence.ts";
import { contains, earlier, isBefore, later, type Period } from "./period.ts";

/** What the billing periods of somebody follow over time. */
export interface BillingPeriods {
  /** Of the plans, the one that started first in front. */
  readonly schedules: readonly BillingSchedule[];
  /** While no plan is in force. */
  readonly otherwise: { readonly cadence: Cadence; readonly zone: string };
}

/**
 * The billing period that contains the instant. One follows the other without a gap, whatever becomes of the plans:
 *
 * - The plan that started first sets the periods until it ends; they are its service periods.
 * - The period in which it ends runs to its own end, so that nobody begins anew by changing plans. What is in force by
 *   then sets the next one.
 * - A plan that starts where none is in force begins a period.
 */
export const billingPeriodAt = (periods: BillingPeriods, at: Temporal.Instant): Period => {
  let from: Temporal.Instant | undefined;
  for (;;) {
    const { end, periodAt } = stretchFrom(periods, from);
    if (end === undefined || isBefore(at, end)) {
      const period = periodAt(at);
      return {
        start: from === undefined ? period.start : later(from, period.start),
        end: end === undefined ? period.end : earlier(end, period.end),
      };
    }
    from = end;
  }
};

/** A time with one rule for its periods. */
interface Stretch {
  readonly end: Temporal.Instant | undefined;
  readonly periodAt: (at: Temporal.Instant) => Period;
}

/** From the beginning of time where it begins with nothing. */
const stretchFrom = (
  { schedules, otherwise }: BillingPeriods,
  from: Temporal.Instant | undefined,
): Stretch => {
  const current = from && schedules.find(({ active }) => contains(active, from));
  if (current !== undefined)
    return { end: endOf(current), periodAt: (at) => servicePeriodAt(current, at) };
  const next = schedules.find(({ active }) => from === undefined || isBefore(from, active.start));
  return { end: next?.active.start, periodAt: (at) => calendarPeriodAt(otherwise, at) };
};

/** The end of the period in which the plan ends. */
const endOf = (schedule: BillingSchedule): Temporal.Instant | undefined => {
  const { end } = schedule.active;
  if (end === undefined) return undefined;
  const last = servicePeriodAt(schedule, end);
  return isBefore(last.start, end) ? last.end : end;
};

const calendarPeriodAt = (
  { cadence, zone }: BillingPeriods["otherwise"],
  at: Temporal.Instant,
): Period => {
  const index = boundaryIndex(cadence, localDate(at, zone));
  return {
    start: startOfDay(boundary(cadence, index), zone),
    end: startOfDay(boundary(cadence, index + 1), zone),
  };
};
