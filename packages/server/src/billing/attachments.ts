import type { PlanTerms } from "@turnpike/engine/bill/facts.ts";
import type { BillingSchedule } from "@turnpike/engine/time/bill-period.ts";
import {
  type Cadence,
  cadenceAnchor,
  type RepeatingFrequency,
} from "@turnpike/engine/time/cadence.ts";
import type { PlanGroupRecord } from "./catalog-snapshot.ts";
import { periodOf, type PricedSnapshot } from "./plan-terms.ts";
import type { AccountPlanRecord, AccountRecord } from "./snapshot.ts";

/** An account plan with the plans that it attaches, and when it is billed. */
export interface Attachment {
  readonly accountPlan: AccountPlanRecord;
  readonly account: AccountRecord;
  readonly plans: readonly PlanTerms[];
  readonly planGroup?: PlanGroupRecord | undefined;
  readonly schedule: BillingSchedule;
}

export const dateOf = (text: string | undefined): Temporal.PlainDate | undefined =>
  text === undefined ? undefined : Temporal.PlainDate.from(text);

/** The anchor of a cadence for an account: the narrowest epoch wins (m3ter semantics 18.1). */
export const anchorOf = (
  { config }: PricedSnapshot,
  epochs: { own?: string | undefined; account?: string | undefined },
  frequency: RepeatingFrequency,
): Temporal.PlainDate =>
  cadenceAnchor(
    {
      accountPlan: dateOf(epochs.own),
      account: dateOf(epochs.account),
      organization: {
        yearEpoch: Temporal.PlainDate.from(config.yearEpoch),
        monthEpoch: Temporal.PlainDate.from(config.monthEpoch),
        weekEpoch: Temporal.PlainDate.from(config.weekEpoch),
        dayEpoch: Temporal.PlainDate.from(config.dayEpoch),
      },
    },
    frequency,
  );

/** How often a plan's template bills; undefined when it never does by itself. */
export const repetitionOf = (
  book: PricedSnapshot,
  planId: string | undefined,
): Pick<Cadence, "frequency" | "interval"> | undefined => {
  const plan = book.plans.get(planId ?? "");
  const template = book.planTemplates.get(plan?.planTemplateId ?? "");
  if (template === undefined) return undefined;
  const { billFrequency: frequency, billFrequencyInterval: interval = 1 } = template;
  return frequency === "AD_HOC" || frequency === "MIXED" ? undefined : { frequency, interval };
};

const planIdsOf = (
  { groupMembers }: PricedSnapshot,
  { planId, planGroupId }: AccountPlanRecord,
): readonly string[] =>
  planId === undefined ? (groupMembers.get(planGroupId ?? "") ?? []) : [planId];

const attachmentOf = (
  book: PricedSnapshot,
  account: AccountRecord,
  accountPlan: AccountPlanRecord,
): Attachment[] => {
  const planIds = planIdsOf(book, accountPlan);
  const plans = planIds.flatMap((id) => book.planTerms.get(id) ?? []);
  // The members of a group share one frequency (m3ter semantics 9.3).
  const repetition = repetitionOf(book, planIds[0]);
  if (repetition === undefined) return [];
  const epochs = { own: accountPlan.billEpoch, account: account.billEpoch };
  const cadence = { ...repetition, anchor: anchorOf(book, epochs, repetition.frequency) };
  return [
    {
      accountPlan,
      account,
      plans,
      planGroup: book.planGroups.get(accountPlan.planGroupId ?? ""),
      schedule: { cadence, zone: book.zone, active: periodOf(accountPlan) },
    },
  ];
};

/** Every account's plans that are billed by a cadence. */
export const attachmentsByAccount = (
  book: PricedSnapshot,
): ReadonlyMap<string, readonly Attachment[]> =>
  Map.groupBy(
    book.accountPlans.flatMap((accountPlan) => {
      const account = book.accounts.get(accountPlan.accountId);
      return account === undefined ? [] : attachmentOf(book, account, accountPlan);
    }),
    ({ account }) => account.id,
  );
