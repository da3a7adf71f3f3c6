import { type Decimal, one, sum, zero } from "../../exact/decimal.ts";
import type { NumberedPeriod } from "../../time/bill-period.ts";
import type { OpenPeriod } from "../../time/period.ts";
import type { Derivation } from "../derivation.ts";
import { addLines, type BillStep, type Draft } from "../draft.ts";
import type { AccountPlanTerms, BillFacts, BillTerms, MinimumSpendTerms } from "../facts.ts";
import { allocateGrants } from "../grants.ts";
import type { Line, LineDraft } from "../line.ts";
import {
  billsRecurringTo,
  ownerLabels,
  type PlanOrGroup,
  planOwner,
  groupOwner,
} from "../plan-or-group.ts";
import { type BillFailure, exchange, printMoney } from "../printing.ts";
import { coveredPeriods, coveredSpan, dayShares, derived, scheduleOf } from "../proration.ts";
import { countsTowardMinimum, minimumSpendRefundMode } from "../rules.ts";
import { rateUsage } from "../usage-rating.ts";
import { contractLimit, contractOf, isInArrears, pricedUsages } from "../usage-windows.ts";
import { productCreditsOf } from "./usage-credits.ts";

/** A minimum at one of its three levels: a pricing, a plan or a plan group. */
interface Minimum {
  readonly accountPlan: AccountPlanTerms;
  readonly owner: PlanOrGroup;
  readonly terms: MinimumSpendTerms;
  /** Names the minimum in line keys: the pricing, plan or group. */
  readonly id: string;
  /** Whose name the line's default description carries. */
  readonly name: string;
  readonly pricing?: { readonly id: string; readonly active: OpenPeriod } | undefined;
  /** Minimums whose top-ups count toward this one: from the inside out ([R], m3ter semantics 12). */
  readonly inner: readonly Minimum[];
}

const planMinimums = (accountPlan: AccountPlanTerms): readonly Minimum[] =>
  accountPlan.plans.flatMap((plan) => {
    const owner = planOwner(plan);
    const inner = plan.pricings.flatMap((pricing) =>
      pricing.minimumSpend === undefined
        ? []
        : [
            {
              accountPlan,
              owner,
              terms: pricing.minimumSpend,
              id: `${plan.id}/${pricing.id}`,
              name: pricing.aggregation.name,
              pricing,
              inner: [],
            },
          ],
    );
    if (plan.minimumSpend === undefined) return inner;
    const { id, minimumSpend: terms } = plan;
    return [...inner, { accountPlan, owner, terms, id, name: plan.product.name, inner }];
  });

const minimumsOf = (accountPlan: AccountPlanTerms): readonly Minimum[] => {
  const inner = planMinimums(accountPlan);
  const group = accountPlan.planGroup;
  if (group?.minimumSpend === undefined) return inner;
  const { id, name, minimumSpend: terms } = group;
  return [...inner, { accountPlan, owner: groupOwner(group), terms, id, name, inner }];
};

const advanceKey = ({ accountPlan, id }: Minimum, number: number): string =>
  `MINIMUM_SPEND/${accountPlan.id}/${id}/${number}`;

interface Prorated {
  readonly due: Derivation;
  readonly amount: Decimal;
  readonly servicePeriod: LineDraft["servicePeriod"];
}

/** The minimum of one service period by active days; undefined outside the active time. */
const prorated = (
  facts: BillFacts,
  minimum: Minimum,
  { number }: NumberedPeriod,
): Prorated | undefined => {
  const { accountPlan, pricing, terms } = minimum;
  const schedule = scheduleOf(facts, accountPlan);
  const periods = coveredPeriods(schedule, { number, inAdvance: false, interval: 1 });
  const limit = contractLimit(contractOf(facts, accountPlan));
  const active = [accountPlan.active, pricing?.active, limit];
  const servicePeriod = coveredSpan(periods, active);
  if (servicePeriod === undefined) return undefined;
  const shares = dayShares(periods, active, schedule.zone);
  const { derivation: due, exact: amount } = derived({
    how: "PRORATED",
    amount: terms.amount,
    shares,
  });
  return { due, amount, servicePeriod };
};

const isOwnUsage = (minimum: Minimum, line: Line): boolean =>
  countsTowardMinimum(line.lineItemType) &&
  line.accountPlanId === minimum.accountPlan.id &&
  isInArrears(minimum.accountPlan, line.servicePeriod.start) &&
  (minimum.owner.kind === "planGroup" || line.planId === minimum.owner.id) &&
  (minimum.pricing === undefined || line.pricingId === minimum.pricing.id);

interface CurrencyAmount {
  readonly amount: Decimal;
  readonly currency: string;
}

const usageOnBill = (minimum: Minimum, lines: readonly Line[]): readonly CurrencyAmount[] =>
  lines
    .filter((line) => isOwnUsage(minimum, line))
    .map(({ subtotal, currency }) => ({ amount: subtotal, currency }));

/** Children that are billed themselves (CHILD) use the plan too, though their lines stand elsewhere. */
const usageOfPool = (facts: BillFacts, minimum: Minimum): readonly CurrencyAmount[] => {
  const { accountPlan, owner, pricing } = minimum;
  const granted = allocateGrants(facts);
  return pricedUsages(facts, ["DEBIT"])
    .filter((usage) => usage.accountPlan === accountPlan)
    .filter(({ plan }) => owner.kind === "planGroup" || plan.id === owner.id)
    .filter((usage) => pricing === undefined || usage.pricing.id === pricing.id)
    .flatMap((usage) => {
      const rated = rateUsage(facts, usage, granted.get(usage.key)?.units);
      if (rated === null || "failure" in rated) return [];
      const { currency } = usage.plan;
      const printed = printMoney(facts, rated.exact, currency);
      return "failure" in printed ? [] : [{ amount: printed.amount, currency }];
    });
};

/** Amounts in the minimum's currency; undefined when a rate is missing. */
const inCurrency = (
  facts: BillTerms,
  minimum: Minimum,
  amounts: readonly CurrencyAmount[],
): Decimal | undefined => {
  let total = zero;
  for (const { amount, currency } of amounts) {
    const exchanged = exchange(facts, amount, { from: currency, to: minimum.owner.currency });
    if (exchanged === undefined) return undefined;
    total = total.plus(exchanged);
  }
  return total;
};

/**
 * What counts toward the minimum ([R], 12): printed usage less the product credits of plan or group,
 * and the top-ups of inner minimums, both those on this bill and those that were billed in advance.
 */
const chargesToward = (
  facts: BillFacts,
  minimum: Minimum,
  lines: readonly Line[],
): Decimal | undefined => {
  const { accountPlan } = minimum;
  const number = accountPlan.arrears?.number ?? 0;
  const innerKeys = new Set(
    minimum.inner.flatMap((inner) => {
      const key = advanceKey(inner, number);
      return [key, `${key}/close`];
    }),
  );
  const counted = lines
    .filter(({ key }) => innerKeys.has(key))
    .map(({ subtotal, currency }) => ({ amount: subtotal, currency }));
  const used =
    accountPlan.childBillingMode === "CHILD"
      ? usageOfPool(facts, minimum)
      : usageOnBill(minimum, lines);
  const credits =
    minimum.pricing === undefined
      ? productCreditsOf(facts, accountPlan, minimum.owner).map(({ amount, currency }) => ({
          amount: amount.neg(),
          currency,
        }))
      : [];
  const billedInside = minimum.inner.map((inner) => ({
    amount: facts.billedInAdvance[advanceKey(inner, number)] ?? zero,
    currency: inner.owner.currency,
  }));
  return inCurrency(facts, minimum, [...used, ...counted, ...credits, ...billedInside]);
};

const missingRate = (facts: BillTerms, { owner }: Minimum): BillFailure => ({
  failure: "MISSING_CONVERSION_RATE",
  from: owner.currency,
  to: facts.currency,
});

const labels = (facts: BillFacts, minimum: Minimum) => ({
  ...ownerLabels(facts, minimum.accountPlan, minimum.owner),
  description: minimum.terms.description ?? `${minimum.name} Minimum Spend Adjustment`,
  accountingProduct: minimum.terms.accountingProduct ?? minimum.owner.product,
  pricingId: minimum.pricing?.id,
  quantity: one,
  units: one,
  bandUsage: [],
});

/** By earlier bills, or on this one: a parent's bill may open a period of a child's plan and close it, too. */
const billedAhead = (facts: BillFacts, key: string, lines: readonly Line[]): Decimal =>
  sum([
    facts.billedInAdvance[key] ?? zero,
    ...lines.filter((line) => line.key === key).map(({ subtotal }) => subtotal),
  ]);

/** Once usage is known: tops it up to the minimum, or gives back what was billed in advance. */
const closingLine = (
  facts: BillFacts,
  minimum: Minimum,
  lines: readonly Line[],
): readonly (LineDraft | BillFailure)[] => {
  const { arrears } = minimum.accountPlan;
  const due = arrears && prorated(facts, minimum, arrears);
  if (arrears === undefined || due === undefined) return [];
  const charges = chargesToward(facts, minimum, lines);
  if (charges === undefined) return [missingRate(facts, minimum)];
  const key = advanceKey(minimum, arrears.number);
  const { derivation, exact } = derived({
    how: "MINIMUM_SPEND",
    minimum: due.due,
    charges,
    billed: billedAhead(facts, key, lines),
    refundMode: minimumSpendRefundMode,
  });
  const printed = printMoney(facts, exact, minimum.owner.currency);
  if ("failure" in printed) return [printed];
  if (printed.amount.isZero()) return [];
  return [
    {
      ...labels(facts, minimum),
      key: `${key}/close`,
      lineItemType: exact.isNegative() ? "MINIMUM_SPEND_REFUND" : "MINIMUM_SPEND",
      servicePeriod: due.servicePeriod,
      derivation,
      exact,
    },
  ];
};

/** At the period's start: the full minimum, less what inner minimums bill in advance themselves. */
const advanceLine = (
  facts: BillFacts,
  minimum: Minimum,
  lines: readonly Line[],
): readonly (LineDraft | BillFailure)[] => {
  const { advance } = minimum.accountPlan;
  if (advance === undefined || !minimum.terms.billInAdvance) return [];
  const due = prorated(facts, minimum, advance);
  if (due === undefined) return [];
  const innerKeys = new Set(minimum.inner.map((inner) => advanceKey(inner, advance.number)));
  const inside = inCurrency(
    facts,
    minimum,
    lines
      .filter(({ key }) => innerKeys.has(key))
      .map(({ subtotal, currency }) => ({ amount: subtotal, currency })),
  );
  if (inside === undefined) return [missingRate(facts, minimum)];
  if (inside.gte(due.amount)) return [];
  return [
    {
      ...labels(facts, minimum),
      key: advanceKey(minimum, advance.number),
      lineItemType: "MINIMUM_SPEND",
      servicePeriod: due.servicePeriod,
      ...derived({ how: "SETTLED", due: due.due, billed: inside }),
    },
  ];
};

/** Pricing, plan and group minimums, from the inside out (m3ter semantics 12); what opens before what closes. */
export const minimumSpendsStep: BillStep = (facts, draft) => {
  const minimums = facts.accountPlans
    .filter((accountPlan) => billsRecurringTo(facts, accountPlan))
    .flatMap(minimumsOf);
  const withLines = (before: Draft, linesOf: typeof closingLine): Draft =>
    minimums.reduce(
      (next, minimum) => addLines(facts, next, linesOf(facts, minimum, next.lines)),
      before,
    );
  return withLines(withLines(draft, advanceLine), closingLine);
};

/** Keys of the advance lines of earlier bills that this bill settles. */
export const minimumSpendAdvanceKeys = (terms: BillTerms): readonly string[] =>
  terms.accountPlans.flatMap((accountPlan) => {
    const { arrears } = accountPlan;
    return arrears === undefined
      ? []
      : minimumsOf(accountPlan).map((minimum) => advanceKey(minimum, arrears.number));
  });
