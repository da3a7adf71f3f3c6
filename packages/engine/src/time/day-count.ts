import { type Decimal, decimal } from "../exact/decimal.ts";
import type { Period } from "./period.ts";

/**
 * Days from 1970-01-01 to the date in the Gregorian calendar. In plain arithmetic, because Temporal's
 * `until` takes longer than everything else on a prorated line; the tests compare the two.
 */
export const epochDay = ({ year, month, day }: Temporal.PlainDate): number => {
  // Years begin in March, so that the leap day is the last of its year.
  const marchYear = month > 2 ? year : year - 1;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
};

/** Where an instant stands on the line of local days: whole days since 1970 plus the part of its day. */
const dayPosition = (at: Temporal.Instant, zone: string): Decimal => {
  const local = at.toZonedDateTimeISO(zone);
  const whole = decimal(epochDay(local.toPlainDate()));
  const midnight = local.startOfDay();
  const elapsed = local.epochNanoseconds - midnight.epochNanoseconds;
  if (elapsed === 0n) return whole;
  const length = midnight.add({ days: 1 }).epochNanoseconds - midnight.epochNanoseconds;
  return whole.plus(decimal(elapsed).div(decimal(length)));
};

/**
 * Days in the period as the zone's calendar counts them: a day of 23 or 25 hours is one day, a partly
 * covered day counts as its fraction (m3ter semantics 11, proration).
 */
export const dayCount = (period: Period, zone: string): Decimal =>
  dayPosition(period.end, zone).minus(dayPosition(period.start, zone));
