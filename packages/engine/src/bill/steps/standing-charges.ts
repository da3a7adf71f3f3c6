import { one } from "../../exact/decimal.ts";
import type { OpenPeriod } from "../../time/period.ts";
import { addLines, type BillStep } from "../draft.ts";
import type { AccountPlanTerms, BillFacts, BillTerms, StandingChargeTerms } from "../facts.ts";
import type { LineDraft } from "../line.ts";
import {
  billsRecurringTo,
  isLastBill,
  ownerLabels,
  type PlanOrGroup,
  plansAndGroup,
} from "../plan-or-group.ts";
import { coveredPeriods, coveredSpan, dayShares, derived, scheduleOf } from "../proration.ts";
import {
  applicationFrom,
  chargesUnfinishedInterval,
  isApplied,
  refundsUnusedAdvance,
} from "../rules.ts";
import { refunded, settled } from "../settlement.ts";
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

/** The application with service period `number`, prorated; undefined where the plan was not active at all. */
const applicationOf = (
  facts: BillFacts,
  standing: StandingCharge,
  number: number,
): LineDraft | undefined => {
  const { accountPlan, owner, charge } = standing;
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

/** What was charged in advance beyond the plan's end comes back ([R], m3ter semantics 11). */
const refundUnused = (facts: BillFacts, standing: StandingCharge): LineDraft | undefined => {
  const { accountPlan, charge } = standing;
  if (!refundsUnusedAdvance || !isLastBill(accountPlan) || accountPlan.arrears === undefined) {
    return undefined;
  }
  const number = applicationCovering(charge, accountPlan.arrears.number);
  const due = applicationOf(facts, standing, number);
  return refunded(facts, due, facts.billedInAdvance[lineKey(standing, number)]);
};

/**
 * The application in arrears that this bill charges: on the plan's last bill also the one that is not complete ([R],
 * m3ter semantics 11).
 */
const applicationInArrears = ({ accountPlan, charge }: StandingCharge): number | undefined => {
  const { number } = accountPlan.arrears ?? {};
  if (charge.billInAdvance || number === undefined) return undefined;
  if (isApplied(charge, number)) return number;
  if (!chargesUnfinishedInterval || !isLastBill(accountPlan)) return undefined;
  return applicationFrom(charge, number);
};

/** Less what a bill charged for it that was the last one until the plan's end was put off. */
const chargeInArrears = (facts: BillFacts, standing: StandingCharge): LineDraft | undefined => {
  const number = applicationInArrears(standing);
  const due = number === undefined ? undefined : applicationOf(facts, standing, number);
  const billed = due && facts.billedInAdvance[due.key];
  return due === undefined || billed === undefined ? due : settled(facts, due, billed);
};

const chargeInAdvance = (facts: BillFacts, standing: StandingCharge): LineDraft | undefined => {
  const { number } = standing.accountPlan.advance ?? {};
  if (number === undefined || !isApplied(standing.charge, number)) return undefined;
  return applicationOf(facts, standing, number);
};

/** Fixed amounts per bill, in advance or in arrears, prorated by days (m3ter semantics 11). */
export const standingChargesStep: BillStep = (facts, draft) => {
  const charged = standingCharges(facts).flatMap((standing) => {
    const lines = standing.charge.billInAdvance
      ? [chargeInAdvance(facts, standing), refundUnused(facts, standing)]
      : [chargeInArrears(facts, standing)];
    return lines.filter((line) => line !== undefined);
  });
  return addLines(facts, draft, charged);
};

/** What earlier bills may have charged of the application that this bill settles. */
const applicationSettled = (standing: StandingCharge): number | undefined => {
  const { accountPlan, charge } = standing;
  if (!charge.billInAdvance) {
    return charge.interval > 1 ? applicationInArrears(standing) : undefined;
  }
  return isLastBill(accountPlan)
    ? applicationCovering(charge, accountPlan.arrears?.number ?? 0)
    : undefined;
};

/** Keys of the lines of earlier bills that this bill may have to correct. */
export const standingChargeAdvanceKeys = (terms: BillTerms): readonly string[] =>
  standingCharges(terms).flatMap((standing) => {
    const number = applicationSettled(standing);
    return number === undefined ? [] : [lineKey(standing, number)];
  });
