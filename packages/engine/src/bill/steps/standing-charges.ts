import { type Decimal, one } from "../../exact/decimal.ts";
import { isBefore, type OpenPeriod } from "../../time/period.ts";
import { addLines, type BillStep } from "../draft.ts";
import type { AccountPlanTerms, BillFacts, BillTerms, StandingChargeTerms } from "../facts.ts";
import type { LineDraft } from "../line.ts";
import {
  billsRecurringTo,
  ownerLabels,
  type PlanOrGroup,
  plansAndGroup,
} from "../plan-or-group.ts";
import { coveredPeriods, coveredSpan, dayShares, derived, scheduleOf } from "../proration.ts";
import { isApplied, refundsUnusedAdvance } from "../rules.ts";
import { contractLimit, contractOf } from "../usage-windows.ts";

interface StandingCharge {
  readonly accountPlan: AccountPlanTerms;
  readonly owner: PlanOrGroup;
  readonly charge: StandingChargeTerms;
}

const standingCharges = (terms: BillTerms): readonly StandingCharge[] =>
  terms.accountPlans
    .filter((accountPlan) => billsRecurringTo(terms, accountPlan))
    .flatMap((accountPlan) =>
      plansAndGroup(accountPlan).flatMap((owner) =>
        owner.standingCharge === undefined
          ? []
          : [{ accountPlan, owner, charge: owner.standingCharge }],
      ),
    );

const lineKey = ({ accountPlan, owner }: StandingCharge, number: number): string =>
  `STANDING_CHARGE/${accountPlan.id}/${owner.id}/${number}`;

const activeDuring = (
  terms: BillTerms,
  accountPlan: AccountPlanTerms,
): readonly (OpenPeriod | undefined)[] => [
  accountPlan.active,
  contractLimit(contractOf(terms, accountPlan)),
];

/** The charge that falls due with service period `number`, prorated; undefined when none does. */
const chargeFor = (
  facts: BillFacts,
  standing: StandingCharge,
  number: number,
): LineDraft | undefined => {
  const { accountPlan, owner, charge } = standing;
  if (!isApplied(charge, number)) return undefined;
  const schedule = scheduleOf(facts, accountPlan);
  const application = { number, inAdvance: charge.billInAdvance, interval: charge.interval };
  const periods = coveredPeriods(schedule, application);
  const active = activeDuring(facts, accountPlan);
  const servicePeriod = coveredSpan(periods, active);
  if (servicePeriod === undefined) return undefined;
  return {
    ...ownerLabels(facts, accountPlan, owner),
    key: lineKey(standing, number),
    lineItemType: "STANDING_CHARGE",
    description: charge.description ?? "Standing Charge",
    accountingProduct: charge.accountingProduct ?? owner.product,
    servicePeriod,
    quantity: one,
    units: one,
    ...derived({
      how: "PRORATED",
      amount: charge.amount,
      shares: dayShares(periods, active, schedule.zone),
    }),
    bandUsage: [],
  };
};

/** The application in advance that paid for the period this bill closes. */
const applicationCovering = ({ interval, offset }: StandingChargeTerms, number: number): number =>
  number - ((((number - offset) % interval) + interval) % interval);

/** Also at its very end: what was paid for may reach beyond this period. */
const endsWithin = ({ accountPlan }: StandingCharge): boolean => {
  const { arrears, active } = accountPlan;
  if (arrears === undefined || active.end === undefined) return false;
  return isBefore(arrears.start, active.end) && !isBefore(arrears.end, active.end);
};

/** What was charged in advance beyond the plan's end comes back ([R], m3ter semantics 11). */
const refundUnused = (facts: BillFacts, standing: StandingCharge): LineDraft | undefined => {
  const { accountPlan, charge } = standing;
  if (!refundsUnusedAdvance || accountPlan.arrears === undefined || !endsWithin(standing)) {
    return undefined;
  }
  const number = applicationCovering(charge, accountPlan.arrears.number);
  const billed: Decimal | undefined = facts.billedInAdvance[lineKey(standing, number)];
  const due = chargeFor(facts, standing, number);
  if (billed === undefined || due === undefined || billed.lte(due.exact)) return undefined;
  return {
    ...due,
    key: `${due.key}/refund`,
    ...derived({ how: "SETTLED", due: due.derivation, billed }),
  };
};

/** Fixed amounts per bill, in advance or in arrears, prorated by days (m3ter semantics 11). */
export const standingChargesStep: BillStep = (facts, draft) => {
  const lines = standingCharges(facts).flatMap((standing) => {
    const { accountPlan, charge } = standing;
    const period = charge.billInAdvance ? accountPlan.advance : accountPlan.arrears;
    const due = period === undefined ? undefined : chargeFor(facts, standing, period.number);
    const refund = charge.billInAdvance ? refundUnused(facts, standing) : undefined;
    return [due, refund].filter((line) => line !== undefined);
  });
  return addLines(facts, draft, lines);
};

/** Keys of the advance lines of earlier bills that this bill may have to correct. */
export const standingChargeAdvanceKeys = (terms: BillTerms): readonly string[] =>
  standingCharges(terms)
    .filter((standing) => standing.charge.billInAdvance && endsWithin(standing))
    .map((standing) =>
      lineKey(
        standing,
        applicationCovering(standing.charge, standing.accountPlan.arrears?.number ?? 0),
      ),
    );
