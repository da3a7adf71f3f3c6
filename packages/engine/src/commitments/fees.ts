import { type Decimal, sum, zero } from "../exact/decimal.ts";
import { type BillingSchedule, firstBillIndex, numberedPeriod } from "../time/bill-period.ts";
import { boundary, localDate, startOfDay } from "../time/cadence.ts";
import { dayCount } from "../time/day-count.ts";
import { intersection, type Period } from "../time/period.ts";
import type { FeeDue } from "./commitment.ts";

/** How the unpaid part of a commitment is billed on the cadence of a plan (m3ter semantics 15.7). */
export interface FeeTerms {
  readonly amount: Decimal;
  readonly amountPrePaid?: Decimal | undefined;
  readonly amountFirstBill?: Decimal | undefined;
  /** A fee every `interval` bills, from bill number `offset` on. */
  readonly interval: number;
  readonly offset: number;
  readonly billInAdvance: boolean;
  /** Decimals of the commitment's currency. */
  readonly scale: number;
  readonly term: Period;
  /** Anchored by the commitment's `billEpoch`, else by the billing plan; active over the term. */
  readonly schedule: BillingSchedule;
}

export interface CommitmentFee extends FeeDue {
  readonly billDate: Temporal.PlainDate;
}

interface FeePeriod extends Period {
  readonly billDate: Temporal.PlainDate;
  /** 1 for a whole calendar period, less for a partial first or last one. */
  readonly weight: Decimal;
}

const feePeriod = (terms: FeeTerms, number: number): FeePeriod | undefined => {
  const { schedule, term } = terms;
  const { cadence, zone } = schedule;
  const period = numberedPeriod(schedule, number);
  const part = intersection(period, term);
  if (part === undefined) return undefined;
  const closing = firstBillIndex(schedule) + number;
  const whole = { start: startOfDay(boundary(cadence, closing - 1), zone), end: period.end };
  return {
    ...part,
    billDate: terms.billInAdvance ? localDate(period.start, zone) : boundary(cadence, closing),
    weight: dayCount(part, zone).div(dayCount(whole, zone)),
  };
};

const feePeriods = (terms: FeeTerms): readonly FeePeriod[] => {
  const periods: FeePeriod[] = [];
  for (let number = 0; ; number += 1) {
    const period = feePeriod(terms, number);
    if (period === undefined) return periods;
    const isDue = number >= terms.offset && (number - terms.offset) % terms.interval === 0;
    if (isDue) periods.push(period);
  }
};

/** `total` in parts of those weights, half-up to the scale, the residual on the last ([R], 15.7). */
export const instalments = (
  total: Decimal,
  weights: readonly Decimal[],
  scale: number,
): readonly Decimal[] => {
  const whole = sum(weights);
  let rest = total;
  return weights.map((weight, index) => {
    const isLast = index === weights.length - 1;
    const part = isLast ? rest : (total.times(weight).div(whole).round(scale, "HALF_UP") ?? rest);
    rest = rest.minus(part);
    return part;
  });
};

/**
 * Every fee of the commitment: `amount - amountPrePaid` over the fee bills of its term, in equal parts
 * weighted by the days of a partial first or last period; `amountFirstBill` comes first if given ([R]).
 */
export const feesByCadence = (terms: FeeTerms): readonly CommitmentFee[] => {
  const outstanding = terms.amount.minus(terms.amountPrePaid ?? zero);
  const periods = feePeriods(terms);
  const weights = periods.map(({ weight }) => weight);
  const { amountFirstBill, scale } = terms;
  const amounts =
    amountFirstBill === undefined || periods.length < 2
      ? instalments(outstanding, weights, scale)
      : [
          amountFirstBill,
          ...instalments(outstanding.minus(amountFirstBill), weights.slice(1), scale),
        ];
  return periods.map(({ billDate, start, end }, index) => ({
    billDate,
    amount: amounts[index] ?? zero,
    servicePeriod: { start, end },
  }));
};
