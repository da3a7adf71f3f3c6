import type { PlanTerms } from "@turnpike/engine/bill/facts.ts";
import type { BillingSchedule } from "@turnpike/engine/time/bill-period.ts";
import { scheduleOf } from "../records/billing-schedule.ts";
import type { PlanGroupRecord, PlanTemplateRecord } from "./catalog-snapshot.ts";
import type { PricedSnapshot } from "./plan-terms.ts";
import type { AccountPlanRecord, AccountRecord } from "./snapshot.ts";

/** An account plan with the plans that it attaches, and when it is billed. */
export interface Attachment {
  readonly accountPlan: AccountPlanRecord;
  readonly account: AccountRecord;
  readonly plans: readonly PlanTerms[];
  readonly planGroup?: PlanGroupRecord | undefined;
  readonly schedule: BillingSchedule;
}

export const templateOf = (
  book: PricedSnapshot,
  planId: string | undefined,
): PlanTemplateRecord | undefined =>
  book.planTemplates.get(book.plans.get(planId ?? "")?.planTemplateId ?? "");

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
  const template = templateOf(book, planIds[0]);
  const schedule = scheduleOf(book.config, { owner: account, attachment: accountPlan, template });
  if (schedule === undefined) return [];
  return [
    {
      accountPlan,
      account,
      plans,
      planGroup: book.planGroups.get(accountPlan.planGroupId ?? ""),
      schedule,
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
