import { decimal } from "../exact/decimal.ts";
import { type BillingSchedule, firstBillIndex } from "../time/bill-period.ts";
import { boundary, startOfDay } from "../time/cadence.ts";
import { dayCount } from "../time/day-count.ts";
import {
  compareInstants,
  intersection,
  isBefore,
  type OpenPeriod,
  type Period,
} from "../time/period.ts";
import { amountOf, type DayShare, type Derivation } from "./derivation.ts";
import type { AccountPlanTerms, BillTerms } from "./facts.ts";

/** Which bill periods one application of a recurring amount pays for. */
export interface Application {
  /** The service period that the bill closes (arrears) or opens (advance). */
  readonly number: number;
  readonly inAdvance: boolean;
  /** How many bill periods one application covers. */
  readonly interval: number;
}

export const scheduleOf = (
  terms: BillTerms,
  { cadence, active }: AccountPlanTerms,
): BillingSchedule => ({ cadence, active, zone: terms.organization.zone });

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

const samePeriod = (a: Period, b: Period): boolean =>
  compareInstants(a.start, b.start) === 0 && compareInstants(a.end, b.end) === 0;

/** Active days / days of each calendar period ([R], m3ter semantics 11). */
export const dayShares = (
  periods: readonly Period[],
  active: readonly (OpenPeriod | undefined)[],
  zone: string,
): readonly DayShare[] =>
  periods.flatMap((period) => {
    const part = intersection(period, ...active);
    if (part === undefined) return [];
    const days = dayCount(period, zone);
    return [{ activeDays: samePeriod(part, period) ? days : dayCount(part, zone), days }];
  });

/** The share that a charge without proration has: all of it. */
export const wholeShare: readonly DayShare[] = [{ activeDays: decimal(1), days: decimal(1) }];

/** From the first active moment to the last: what the line prints as its service period. */
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

/** A derivation with its amount, as every line carries both. */
export const derived = (derivation: Derivation) => ({
  derivation,
  exact: amountOf(derivation),
});
