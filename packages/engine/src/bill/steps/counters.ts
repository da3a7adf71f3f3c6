import { type Decimal, one, sum, zero } from "../../exact/decimal.ts";
import { priceUnits } from "../../pricing/bands.ts";
import { boundary, startOfDay } from "../../time/cadence.ts";
import { firstBillIndex, type NumberedPeriod } from "../../time/bill-period.ts";
import {
  compareInstants,
  contains,
  intersection,
  isBefore,
  type OpenPeriod,
  type Period,
} from "../../time/period.ts";
import type { DayShare } from "../derivation.ts";
import { addLines, type BillStep } from "../draft.ts";
import type {
  AccountPlanTerms,
  AccountRef,
  BillFacts,
  BillTerms,
  CounterPricingTerms,
  PlanTerms,
} from "../facts.ts";
import { poolsCounters, refundsUnusedAdvance } from "../rules.ts";
import { childAccount } from "../line-labels.ts";
import type { Line, LineDraft, LineItemType } from "../line.ts";
import { dayShares, derived, scheduleOf, wholeShare } from "../proration.ts";
import { billsRecurringTo, isLastBill } from "../plan-or-group.ts";
import { lineBands } from "../usage-rating.ts";
import { settled } from "../settlement.ts";
import { contractLimit, contractOf } from "../usage-windows.ts";

/** A counter pricing in one service period of an account plan. */
interface PricedCounter {
  readonly accountPlan: AccountPlanTerms;
  readonly plan: PlanTerms;
  readonly pricing: CounterPricingTerms;
  readonly period: NumberedPeriod;
  /** Period ∩ account plan ∩ counter pricing. */
  readonly window: Period;
}

/** A counter's new value from an instant on. */
interface Adjustment {
  readonly at: Temporal.Instant;
  readonly old: Decimal;
  readonly value: Decimal;
}

const pricedCounters = (
  facts: BillTerms,
  accountPlan: AccountPlanTerms,
  period: NumberedPeriod | undefined,
): readonly PricedCounter[] => {
  if (period === undefined || !billsRecurringTo(facts, accountPlan)) return [];
  const limit = contractLimit(contractOf(facts, accountPlan));
  return accountPlan.plans.flatMap((plan) =>
    plan.counterPricings.flatMap((pricing) => {
      const window = intersection(period, accountPlan.active, pricing.active, limit);
      return window === undefined ? [] : [{ accountPlan, plan, pricing, period, window }];
    }),
  );
};

interface Value {
  readonly at: Temporal.Instant;
  readonly value: Decimal;
}

/** The values of one account's counter, in order of time. */
const valuesOf = (
  facts: BillFacts,
  { pricing }: PricedCounter,
  account: AccountRef,
): readonly Value[] =>
  facts.counterAdjustments
    .filter(({ accountId }) => accountId === account.id)
    .filter(({ counterId }) => counterId === pricing.counter.id)
    .map(({ date, value }) => ({ at: startOfDay(date, facts.organization.zone), value }))
    .sort((a, b) => compareInstants(a.at, b.at));

const valueAt = (values: readonly Value[], at: Temporal.Instant): Decimal =>
  values.findLast((earlier) => !isBefore(at, earlier.at))?.value ?? zero;

/** The values while the account is rated with the plan: it comes in with what it has, and goes with it. */
const valuesWithin = (values: readonly Value[], { start, end }: OpenPeriod): readonly Value[] => [
  { at: start, value: valueAt(values, start) },
  ...values.filter(({ at }) => isBefore(start, at) && (end === undefined || isBefore(at, end))),
  ...(end === undefined ? [] : [{ at: end, value: zero }]),
];

/** What was counted before the plan began is carried into it, not added on its first day. */
const poolValues = (facts: BillFacts, counter: PricedCounter): readonly (readonly Value[])[] => {
  const { accountPlan, plan } = counter;
  const own = valuesOf(facts, counter, accountPlan.account);
  if (!poolsCounters(accountPlan)) return [own];
  const members = accountPlan.pool.filter(({ productId }) => productId === plan.product.id);
  return [
    own,
    ...members.map(({ account, periods }) => {
      const values = valuesOf(facts, counter, account);
      return periods.flatMap((period) => {
        const isFromTheStart = !isBefore(accountPlan.active.start, period.start);
        const [first] = values;
        const isCarried = isFromTheStart && first !== undefined && isBefore(first.at, period.start);
        return valuesWithin(values, isCarried ? { ...period, start: first.at } : period);
      });
    }),
  ];
};

/** The counter of all accounts that are rated together: where it changes, with the values before and after. */
const adjustmentsOf = (facts: BillFacts, counter: PricedCounter): readonly Adjustment[] => {
  const pool = poolValues(facts, counter);
  const instants = new Map(pool.flat().map(({ at }) => [at.epochNanoseconds, at]));
  let old = zero;
  return [...instants.values()].sort(compareInstants).map((at) => {
    const value = sum(pool.map((values) => valueAt(values, at)));
    const adjustment = { at, old, value };
    old = value;
    return adjustment;
  });
};

/** The calendar period that days are counted in: also for a first period that starts in its middle. */
const naturalPeriod = (facts: BillFacts, { accountPlan, period }: PricedCounter): Period => {
  const schedule = scheduleOf(facts, accountPlan);
  const opening = boundary(schedule.cadence, firstBillIndex(schedule) + period.number - 1);
  return { start: startOfDay(opening, schedule.zone), end: period.end };
};

const sharesOf = (facts: BillFacts, counter: PricedCounter, part: Period): readonly DayShare[] =>
  dayShares([naturalPeriod(facts, counter)], [part], facts.organization.zone);

interface Movement {
  readonly lineItemType: LineItemType;
  readonly label: string;
  readonly from: Decimal;
  readonly to: Decimal;
  readonly servicePeriod: Period;
  readonly isProrated: boolean;
}

const keyOf = (
  { accountPlan, plan, pricing, period }: PricedCounter,
  lineItemType: LineItemType,
  suffix = "",
): string => `${lineItemType}/${accountPlan.id}/${plan.id}/${pricing.id}/${period.number}${suffix}`;

const counterLine = (facts: BillFacts, counter: PricedCounter, movement: Movement): LineDraft => {
  const { accountPlan, plan, pricing } = counter;
  const { from, to, lineItemType, servicePeriod } = movement;
  const quantity = to.minus(from).abs();
  const isRunningTotal = lineItemType === "COUNTER_RUNNING_TOTAL_CHARGE";
  const on = isRunningTotal ? "" : `/${servicePeriod.start.toString()}`;
  return {
    key: keyOf(counter, lineItemType, on),
    lineItemType,
    description: pricing.description ?? `${movement.label} - ${pricing.counter.name}`,
    servicePeriod,
    quantity,
    units: quantity,
    unit: pricing.counter.unit,
    currency: plan.currency,
    ...derived({
      how: "COUNTER",
      from,
      to,
      ladder: { cumulative: pricing.cumulative, bands: pricing.bands },
      shares: movement.isProrated ? sharesOf(facts, counter, servicePeriod) : wholeShare,
    }),
    bandUsage: isRunningTotal ? lineBands(priceUnits(pricing, to), to, one) : [],
    product: plan.product,
    accountingProduct: pricing.accountingProduct ?? plan.product,
    childAccount: childAccount(facts, accountPlan.account),
    accountPlanId: accountPlan.id,
    planId: plan.id,
    planGroupId: accountPlan.planGroup?.id,
    contractId: accountPlan.contractId,
    counterId: pricing.counter.id,
    counterPricingId: pricing.id,
  };
};

/** What the value carried into the window costs. */
const carriedIn = (facts: BillFacts, counter: PricedCounter): LineDraft => {
  const { window, pricing } = counter;
  const carried = adjustmentsOf(facts, counter).findLast(({ at }) => isBefore(at, window.start));
  return counterLine(facts, counter, {
    lineItemType: "COUNTER_RUNNING_TOTAL_CHARGE",
    label: "Counter Running Total Charge",
    from: zero,
    to: carried?.value ?? zero,
    servicePeriod: window,
    isProrated: pricing.proRateRunningTotal,
  });
};

/** The value carried into the period; a counter at 0 has no line ([R], m3ter semantics 13.3). */
const runningTotal = (facts: BillFacts, counter: PricedCounter): readonly LineDraft[] => {
  const line = carriedIn(facts, counter);
  return line.quantity.isZero() ? [] : [line];
};

/** Each change of the value within the period, from its day to the period's end. */
const adjustments = (facts: BillFacts, counter: PricedCounter): readonly LineDraft[] => {
  const { window, pricing } = counter;
  return adjustmentsOf(facts, counter)
    .filter(({ at, old, value }) => contains(window, at) && !old.eq(value))
    .map(({ at, old, value }) => {
      const isDebit = value.gt(old);
      return counterLine(facts, counter, {
        lineItemType: isDebit ? "COUNTER_ADJUSTMENT_DEBIT" : "COUNTER_ADJUSTMENT_CREDIT",
        label: isDebit ? "Counter Adjustment Debit" : "Counter Adjustment Credit",
        from: old,
        to: value,
        servicePeriod: { start: at, end: window.end },
        isProrated: isDebit ? pricing.proRateAdjustmentDebit : pricing.proRateAdjustmentCredit,
      });
    });
};

/**
 * The running total that was charged in advance, once it is known: what is beyond the plan's or the price's end comes back
 * ([R], m3ter semantics 11, 13), and a price that begins within the period finds the value that was there then.
 *
 * @param lines of this bill, which may open a period and close it, too
 */
const settleAdvance = (
  facts: BillFacts,
  counter: PricedCounter,
  lines: readonly Line[],
): readonly LineDraft[] => {
  const due = carriedIn(facts, counter);
  const opened = lines.filter(({ key }) => key === due.key).map(({ subtotal }) => subtotal);
  const before = facts.billedInAdvance[due.key];
  const charged = before === undefined ? opened : [before, ...opened];
  // The first bill of a plan charges nothing for a period that no bill has opened.
  const beginsWithin = isBefore(counter.period.start, counter.window.start);
  if (charged.length === 0 && !beginsWithin) return [];
  if (!refundsUnusedAdvance && isLastBill(counter.accountPlan)) return [];
  const line = settled(facts, due, sum(charged));
  if (line === undefined) return [];
  const isCredit = due.exact.lt(sum(charged));
  const label = isCredit ? "Counter Adjustment Credit" : "Counter Adjustment Debit";
  const { description, counter: counted } = counter.pricing;
  return [
    {
      ...line,
      key: `${line.key}/close`,
      lineItemType: isCredit ? "COUNTER_ADJUSTMENT_CREDIT" : "COUNTER_ADJUSTMENT_DEBIT",
      description: description ?? `${label} - ${counted.name}`,
      bandUsage: [],
    },
  ];
};

const inAdvance = ({ pricing }: PricedCounter) => pricing.runningTotalBillInAdvance;

const closedCounters = (facts: BillTerms): readonly PricedCounter[] =>
  facts.accountPlans.flatMap((accountPlan) =>
    pricedCounters(facts, accountPlan, accountPlan.arrears),
  );

/** Seat-like recurring quantities: what is carried in, and what changed ([R], m3ter semantics 13.3). */
export const countersStep: BillStep = (facts, draft) => {
  const lines = facts.accountPlans.flatMap((accountPlan) => {
    const closed = pricedCounters(facts, accountPlan, accountPlan.arrears);
    const opened = pricedCounters(facts, accountPlan, accountPlan.advance);
    return [...closed.filter((counter) => !inAdvance(counter)), ...opened.filter(inAdvance)]
      .flatMap((counter) => runningTotal(facts, counter))
      .concat(closed.flatMap((counter) => adjustments(facts, counter)));
  });
  const charged = addLines(facts, draft, lines);
  const settlements = closedCounters(facts)
    .filter(inAdvance)
    .flatMap((counter) => settleAdvance(facts, counter, charged.lines));
  return addLines(facts, charged, settlements);
};

/** Keys of the running totals that earlier bills may have charged of what this bill closes. */
export const counterAdvanceKeys = (terms: BillTerms): readonly string[] =>
  closedCounters(terms)
    .filter(inAdvance)
    .map((counter) => keyOf(counter, "COUNTER_RUNNING_TOTAL_CHARGE"));
