import type { timePeriods } from "@turnpike/contract/usage/usage-selection.ts";
import type { Window } from "../ports/usage-store.ts";

export type TimePeriod = (typeof timePeriods)[number];

/** When it is asked, on which local date. */
interface Moment {
  readonly now: Temporal.ZonedDateTime;
  readonly today: Temporal.PlainDate;
}

/** A date stands for the instant at which it begins. */
type Bound = Temporal.PlainDate | Temporal.ZonedDateTime;
type Bounds = readonly [start: Bound, end: Bound];

/** Weeks run from Monday to Monday. */
const monday = ({ today }: Moment) => today.subtract({ days: today.dayOfWeek - 1 });
const month = ({ today }: Moment) => today.with({ day: 1 });
const quarter = (moment: Moment) =>
  month(moment).subtract({ months: (moment.today.month - 1) % 3 });
const year = (moment: Moment) => month(moment).with({ month: 1 });
const hour = ({ now }: Moment) => now.round({ smallestUnit: "hour", roundingMode: "floor" });

/** The whole days before today. */
const lastDays =
  (days: number) =>
  ({ today }: Moment): Bounds => [today.subtract({ days }), today];

const periods: Readonly<Record<TimePeriod, (moment: Moment) => Bounds>> = {
  TODAY: ({ today, now }) => [today, now],
  YESTERDAY: lastDays(1),
  WEEK_TO_DATE: (moment) => [monday(moment), moment.now],
  MONTH_TO_DATE: (moment) => [month(moment), moment.now],
  YEAR_TO_DATE: (moment) => [year(moment), moment.now],
  PREVIOUS_WEEK: (moment) => [monday(moment).subtract({ weeks: 1 }), monday(moment)],
  PREVIOUS_MONTH: (moment) => [month(moment).subtract({ months: 1 }), month(moment)],
  PREVIOUS_QUARTER: (moment) => [quarter(moment).subtract({ months: 3 }), quarter(moment)],
  PREVIOUS_YEAR: (moment) => [year(moment).subtract({ years: 1 }), year(moment)],
  LAST_12_HOURS: (moment) => [hour(moment).subtract({ hours: 12 }), hour(moment)],
  LAST_7_DAYS: lastDays(7),
  LAST_30_DAYS: lastDays(30),
  LAST_35_DAYS: lastDays(35),
  LAST_90_DAYS: lastDays(90),
  LAST_120_DAYS: lastDays(120),
  // [R] 20: the twelve months before today.
  LAST_YEAR: ({ today }) => [today.subtract({ years: 1 }), today],
};

/** What a relative period means at an instant, in days of the zone (m3ter semantics 20). */
export const windowOf = (
  period: TimePeriod,
  { at, timeZone }: { at: Temporal.Instant; timeZone: string },
): Window => {
  const now = at.toZonedDateTimeISO(timeZone);
  const [start, end] = periods[period]({ now, today: now.toPlainDate() });
  const instant = (bound: Bound): Temporal.Instant =>
    (bound instanceof Temporal.PlainDate ? bound.toZonedDateTime(timeZone) : bound).toInstant();
  return { start: instant(start), end: instant(end) };
};
