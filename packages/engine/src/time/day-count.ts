import { type Decimal, decimal } from "../exact/decimal.ts";
import type { Period } from "./period.ts";

/** Where an instant stands on the line of local days: whole days since 1970 plus the part of its day. */
const dayPosition = (at: Temporal.Instant, zone: string): Decimal => {
  const local = at.toZonedDateTimeISO(zone);
  const midnight = local.startOfDay();
  const date = local.toPlainDate();
  const whole = decimal(Temporal.PlainDate.from("1970-01-01").until(date).days);
  const elapsed = at.epochNanoseconds - midnight.epochNanoseconds;
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
