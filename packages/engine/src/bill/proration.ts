import { type Decimal, zero } from "../exact/decimal.ts";
import { type BillingSchedule, firstBillIndex } from "../time/bill-period.ts";
import { boundary, startOfDay } from "../time/cadence.ts";
import { dayCount } from "../time/day-count.ts";
import { intersection, isBefore, type OpenPeriod, type Period } from "../time/period.ts";

/** Which bill periods one application of a recurring amount pays for. */
export interface Application {
  /** The service period that the bill closes (arrears) or opens (advance). */
  readonly number: number;
  readonly inAdvance: boolean;
  /** How many bill periods one application covers. */
  readonly interval: number;
}

/**
 * The periods of the calendar that one application covers: in arrears the `interval` periods that end
 * with this bill, in advance those that start with it ([R], m3ter semantics 11). Those of the plan's
 * first bill reach back to its start, so that nothing is lost when the epoch is later ([R], 18.1).
 */
export const coveredPeriods = (
  schedule: BillingSchedule,
  { number, inAdvance, interval }: Application,
): readonly Period[] => {
  const { cadence, zone, active } = schedule;
  const at = (index: number) => startOfDay(boundary(cadence, index), zone);
  const closing = firstBillIndex(schedule) + number;
  const last = inAdvance ? closing + interval - 1 : closing;
  const isFirst = inAdvance ? number === 0 : number < interval;
  const startsLate = (index: number) => isFirst && isBefore(active.start, at(index));
  const periods: Period[] = [];
  let index = last;
  do {
    periods.unshift({ start: at(index - interval), end: at(index) });
    index -= interval;
  } while (startsLate(index));
  return periods;
};

/**
 * Amount × active days / days, summed over the calendar periods ([R], m3ter semantics 11). Multiplied
 * before it is divided, so that whole months stay whole.
 */
export const prorate = (
  amount: Decimal,
  periods: readonly Period[],
  during: { readonly active: readonly (OpenPeriod | undefined)[]; readonly zone: string },
): Decimal => {
  let total = zero;
  for (const period of periods) {
    const part = intersection(period, ...during.active);
    if (part === undefined) continue;
    const isWhole = part.start === period.start && part.end === period.end;
    total = total.plus(
      isWhole
        ? amount
        : amount.times(dayCount(part, during.zone)).div(dayCount(period, during.zone)),
    );
  }
  return total;
};

/** From the first covered moment to the last: what the line prints as its service period. */
export const coveredSpan = (
  periods: readonly Period[],
  active: readonly (OpenPeriod | undefined)[],
): Period | undefined => {
  const parts = periods.flatMap((period) => intersection(period, ...active) ?? []);
  const first = parts[0];
  const last = parts.at(-1);
  return first === undefined || last === undefined
    ? undefined
    : { start: first.start, end: last.end };
};
