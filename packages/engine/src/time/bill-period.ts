import { boundary, boundaryIndex, type Cadence, localDate, startOfDay } from "./cadence.ts";
import { compareInstants, isBefore, type OpenPeriod, type Period } from "./period.ts";

/** When an account plan is billed: its cadence, from its start to its end. */
export interface BillingSchedule {
  readonly cadence: Cadence;
  readonly zone: string;
  readonly active: OpenPeriod;
}

/** Service period number n of an account plan; 0 is the one in which the plan starts. */
export interface NumberedPeriod extends Period {
  readonly number: number;
}

/** What a bill covers for one account plan: the period it closes and the period it opens. */
export interface BillPeriods {
  readonly arrears?: NumberedPeriod | undefined;
  readonly advance?: NumberedPeriod | undefined;
}

/**
 * The index of the first bill date after the plan's start. No bill is dated before the anchor: with
 * an anchor later than the start the first bill reaches back to the start ([R], m3ter semantics 18.1).
 */
export const firstBillIndex = ({ cadence, zone, active }: BillingSchedule): number =>
  Math.max(boundaryIndex(cadence, localDate(active.start, zone)) + 1, 0);

/** Service period n: [bill date before, bill date), the first one from the plan's start. */
export const numberedPeriod = (schedule: BillingSchedule, number: number): NumberedPeriod => {
  const { cadence, zone, active } = schedule;
  const index = firstBillIndex(schedule) + number;
  const start = number === 0 ? active.start : startOfDay(boundary(cadence, index - 1), zone);
  return { number, start, end: startOfDay(boundary(cadence, index), zone) };
};

/**
 * The periods of the bill of that date; both absent when the plan has no bill then. Charges in
 * advance put a first bill on the plan's start date ([R], m3ter semantics 18.1).
 */
export const billPeriods = (
  schedule: BillingSchedule,
  billDate: Temporal.PlainDate,
): BillPeriods => {
  const { cadence, zone, active } = schedule;
  if (localDate(active.start, zone).equals(billDate)) {
    return { advance: numberedPeriod(schedule, 0) };
  }
  const index = boundaryIndex(cadence, billDate);
  const number = index - firstBillIndex(schedule);
  if (number < 0 || !boundary(cadence, index).equals(billDate)) return {};
  const arrears = numberedPeriod(schedule, number);
  if (active.end !== undefined && compareInstants(active.end, arrears.start) <= 0) return {};
  if (active.end !== undefined && compareInstants(active.end, arrears.end) <= 0) return { arrears };
  return { arrears, advance: numberedPeriod(schedule, number + 1) };
};

/** The date of the bill that charges that day in arrears: `lastDateInBillingPeriod` is such a day. */
export const billDateCovering = (cadence: Cadence, on: Temporal.PlainDate): Temporal.PlainDate =>
  boundary(cadence, Math.max(boundaryIndex(cadence, on) + 1, 0));

/** The date of the bill that charges that instant in arrears. */
export const billDateAt = (
  { cadence, zone }: BillingSchedule,
  at: Temporal.Instant,
): Temporal.PlainDate => billDateCovering(cadence, localDate(at, zone));

/** The service period that contains the instant, as if the plan had no end; the instant is not before its start. */
export const servicePeriodAt = (schedule: BillingSchedule, at: Temporal.Instant): NumberedPeriod =>
  numberedPeriod(
    schedule,
    boundaryIndex(schedule.cadence, billDateAt(schedule, at)) - firstBillIndex(schedule),
  );

/** Every bill date of the plan in [from, to); the start date itself only with charges in advance. */
export const billDates = (
  schedule: BillingSchedule,
  range: { from: Temporal.PlainDate; to: Temporal.PlainDate; billsInAdvance: boolean },
): readonly Temporal.PlainDate[] => {
  const { cadence, zone, active } = schedule;
  const dates: Temporal.PlainDate[] = [];
  const isInRange = (date: Temporal.PlainDate) =>
    Temporal.PlainDate.compare(range.from, date) <= 0 &&
    Temporal.PlainDate.compare(date, range.to) < 0;
  const firstDay = localDate(active.start, zone);
  if (range.billsInAdvance && isInRange(firstDay)) dates.push(firstDay);
  const first = Math.max(firstBillIndex(schedule), boundaryIndex(cadence, range.from));
  for (let index = first; ; index += 1) {
    const date = boundary(cadence, index);
    if (Temporal.PlainDate.compare(date, range.to) >= 0) return dates;
    if (isInRange(date)) dates.push(date);
    if (active.end !== undefined && !isBefore(startOfDay(date, zone), active.end)) return dates;
  }
};
